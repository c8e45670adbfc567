"""Which broker the roles ask first."""

from pathlib import Path

import pytest

from footfall.settings import SettingsError
from tracker.config import load_kafka


def written(directory: Path, text: str) -> Path:
    path = directory / "footfall.toml"
    path.write_text(text)
    return path


def test_without_settings_the_bundled_broker_is_asked_on_its_default_port() -> None:
    kafka = load_kafka(None, environ={})

    assert kafka.bootstrap_servers == "127.0.0.1:9092"


def test_a_broker_on_another_port_is_found_without_a_second_setting(tmp_path: Path) -> None:
    file = written(tmp_path, "[broker]\nport = 19092\n")

    assert load_kafka(file, environ={}).bootstrap_servers == "127.0.0.1:19092"


def test_the_environment_moves_the_broker_too() -> None:
    kafka = load_kafka(None, environ={"FOOTFALL_BROKER__PORT": "19093"})

    assert kafka.bootstrap_servers == "127.0.0.1:19093"


def test_a_named_cluster_goes_before_the_bundled_broker(tmp_path: Path) -> None:
    file = written(
        tmp_path, '[broker]\nport = 19092\n[kafka]\nbootstrap_servers = "kafka.example.com:9092"\n'
    )

    assert load_kafka(file, environ={}).bootstrap_servers == "kafka.example.com:9092"


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("0.0.0.0", "127.0.0.1:9092"),
        ("::", "[::1]:9092"),
        ("::1", "[::1]:9092"),
        ("10.1.2.3", "10.1.2.3:9092"),
    ],
)
def test_the_host_of_the_broker_becomes_one_that_can_be_reached(host: str, asked: str) -> None:
    kafka = load_kafka(None, environ={"FOOTFALL_BROKER__HOST": host})

    assert kafka.bootstrap_servers == asked


def test_a_broker_on_any_free_port_leaves_the_default() -> None:
    kafka = load_kafka(None, environ={"FOOTFALL_BROKER__PORT": "0"})

    assert kafka.bootstrap_servers == "127.0.0.1:9092"


def test_an_unknown_key_of_the_section_is_still_refused(tmp_path: Path) -> None:
    file = written(tmp_path, '[kafka]\nbootstrap_server = "x:1"\n')

    with pytest.raises(SettingsError, match="did you mean 'bootstrap_servers'"):
        load_kafka(file, environ={})
