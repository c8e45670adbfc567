"""compose.yml, as far as it can be checked without Docker: what it mounts, pins and listens on."""

import re
from typing import Any

import pytest
import yaml

from tests.support.tools import ROOT

GRAFANA = ROOT / "grafana"
PINNED = re.compile(r"^[a-z0-9/._-]+:v?\d+\.\d+\.\d+$")


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((GRAFANA / "compose.yml").read_text())


def test_its_words_are_those_of_the_compose_specification(compose: Any) -> None:
    """The few that are used; a typing error would be passed over by nobody but Docker."""
    words = {"image", "network_mode", "command", "environment", "volumes"}

    assert compose.keys() == {"services", "volumes"}
    assert [name for name, service in compose["services"].items() if service.keys() - words] == []
    for service in compose["services"].values():
        assert all(isinstance(one, str) for one in (*service["volumes"], service["image"]))
        assert all(isinstance(one, str) for one in service.get("command", []))
        assert all(isinstance(one, str) for one in service.get("environment", {}).values())


def test_what_prometheus_stores_is_in_its_volume(compose: Any) -> None:
    """`command` takes the place of the image's own, and with it of where that stores."""
    prometheus = compose["services"]["prometheus"]

    assert "--storage.tsdb.path=/prometheus" in prometheus["command"]
    assert "prometheus:/prometheus" in prometheus["volumes"]


def test_images_are_pinned_to_one_version(compose: Any) -> None:
    images = [service["image"] for service in compose["services"].values()]

    assert [image for image in images if not PINNED.match(image)] == []


def test_what_is_mounted_is_there_and_read_only(compose: Any) -> None:
    for service in compose["services"].values():
        for mount in service["volumes"]:
            source, target, *options = mount.split(":")
            if not source.startswith("."):
                assert source in compose["volumes"], mount
                continue
            assert (GRAFANA / source).resolve().is_dir(), mount
            assert options == ["ro"], mount
            assert target.startswith("/"), mount


def test_everything_listens_on_loopback_only(compose: Any) -> None:
    prometheus, grafana = compose["services"]["prometheus"], compose["services"]["grafana"]

    assert "--web.listen-address=127.0.0.1:9090" in prometheus["command"]
    assert grafana["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert "ports" not in prometheus and "ports" not in grafana


def test_the_boards_are_mounted_where_their_provider_looks(compose: Any) -> None:
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/footfall.yml").read_text())
    path = provider["providers"][0]["options"]["path"]
    mounts = dict(m.split(":")[1::-1] for m in compose["services"]["grafana"]["volumes"])

    assert min(p.name for p in (GRAFANA / mounts[path]).glob("*.json")) == "1-overview.json"


def test_the_data_source_asks_the_prometheus_beside_it_as_often_as_it_scrapes(
    compose: Any,
) -> None:
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/footfall.yml").read_text())
    prometheus = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())
    (found,) = source["datasources"]
    environment = compose["services"]["grafana"]["environment"]

    assert found["url"] == "$PROMETHEUS_URL"
    assert environment["PROMETHEUS_URL"] == "http://127.0.0.1:9090"
    assert found["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]


def test_prometheus_finds_its_rules_in_what_is_mounted() -> None:
    prometheus = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())
    (pattern,) = prometheus["rule_files"]

    assert list((ROOT / "prometheus").glob(pattern))
