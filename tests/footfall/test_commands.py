"""What the command answers without a running appliance."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from footfall.commands.tail import readable, rendered
from footfall.console import greeting
from footfall.roles import Address
from tracker.kafka.answers import Record


def footfall(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "footfall", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=50,
        check=False,
    )


def test_help_names_every_command(tmp_path: Path) -> None:
    told = footfall("--help", cwd=tmp_path)

    assert told.returncode == 0
    for command in ("up", "site", "topic", "group", "tail", "doctor", "import", "demo"):
        assert f"\n  {command} " in told.stdout
    assert "..." not in told.stdout.replace("[ARGS]...", "")  # no sentence is cut off
    assert (
        footfall("--version", cwd=tmp_path).stdout == f"footfall {metadata.version('footfall')}\n"
    )


def test_an_unknown_key_ends_the_start_with_78_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "footfall.toml").write_text("[up]\nrolls = []\n")

    refused = footfall("up", cwd=tmp_path)

    assert refused.returncode == 78
    assert "unknown key 'rolls' in [up]" in refused.stderr
    assert "did you mean 'roles'" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_an_unknown_role_is_refused(tmp_path: Path) -> None:
    (tmp_path / "footfall.toml").write_text('[up]\nroles = ["brocker"]\n')

    refused = footfall("up", cwd=tmp_path)

    assert refused.returncode == 78
    assert "roles names 'brocker' in [up]; known: aggregate, broker" in refused.stderr


def test_a_site_name_that_cannot_be_is_refused_without_a_broker(tmp_path: Path) -> None:
    refused = footfall("site", "add", "not a site!", cwd=tmp_path)

    assert refused.returncode == 1
    assert "cannot be a site" in refused.stderr
    assert "did you mean" not in refused.stderr


def test_the_address_of_a_site_is_no_name_but_has_one(tmp_path: Path) -> None:
    refused = footfall("site", "add", "https://Example.com/shop", cwd=tmp_path)

    assert refused.stderr.rstrip().endswith("did you mean example.com?")
    assert "is Footfall running?" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("bad_name/x",), "'bad_name/x' cannot be a site: 'bad_name' before its path"),
        (("a.example", "--host", "https://a.example"), "did you mean a.example?"),
    ],
)
def test_a_site_or_host_that_makes_no_sense_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    refused = footfall("site", "add", *arguments, cwd=tmp_path)

    assert refused.returncode == 1
    assert told in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_demo_site_that_cannot_be_is_refused_before_anything_is_told(tmp_path: Path) -> None:
    (tmp_path / "footfall.toml").write_text('[demo]\nsite = "my site"\n')

    refused = footfall("demo", cwd=tmp_path)

    assert refused.returncode == 78
    assert "site in [demo]: 'my site' cannot be a site" in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize(
    "variable",
    ["FOOTFALL_CLUSTERS__FAR__PORT", "FOOTFALL_DASHBORD__PORT", "FOOTFALL_MASKS__A__KEY"],
)
def test_a_variable_that_no_setting_has_ends_the_start_with_78(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1")

    refused = footfall("up", cwd=tmp_path)

    assert refused.returncode == 78
    assert refused.stderr.startswith(f"footfall: environment variable {variable} is ")
    assert len(refused.stderr.splitlines()) == 1


def record(key: bytes | None, value: bytes | None) -> Record:
    return Record("events", 2, 41, 1_700_000_000_123, True, key, value, ())


def test_groups_of_a_broker_that_is_away_are_not_called_none(tmp_path: Path) -> None:
    (tmp_path / "footfall.toml").write_text("[broker]\nport = 1\n")

    refused = footfall("group", "list", cwd=tmp_path)

    assert refused.returncode == 1
    assert "at 127.0.0.1:1, as footfall.toml says; is Footfall running?" in refused.stderr


def test_a_record_is_one_line_with_its_place_and_time() -> None:
    line = rendered(record(b"visitor", b'{"a":1}'))

    assert line == '2:41 2023-11-14T22:13:20.123+00:00 visitor {"a":1}'


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (None, "-"),
        (b"", '""'),
        (b"\xff\x00", "0xff00"),
        (b"\x1b[2J", '"\\u001b[2J"'),
        ("ü".encode(), "ü"),
    ],
)
def test_nothing_that_a_terminal_obeys_is_printed(data: bytes | None, shown: str) -> None:
    assert readable(data) == shown


def test_the_greeting_names_every_address_and_the_snippet(tmp_path: Path) -> None:
    where = [
        Address("broker", "broker", "kafka", "127.0.0.1", 19092, "port"),
        Address("ingest", "ingest", "beacons", "127.0.0.1", 18090, "port"),
        Address("dashboard", "dashboard", "pages", "127.0.0.1", 18080, "port"),
    ]

    told = "\n".join(greeting(where, tmp_path, 1.25))

    assert "http://127.0.0.1:18080/metrics" in told
    assert "127.0.0.1:19092" in told
    assert '<script defer src="http://127.0.0.1:18090/js/s.js" data-site="example.com">' in told
    assert str(tmp_path) in told
    assert "footfall demo   simulates" in told


def test_the_greeting_names_the_settings_file_that_was_asked_for(tmp_path: Path) -> None:
    where = [Address("ingest", "ingest", "beacons", "127.0.0.1", 18090, "port")]

    told = "\n".join(greeting(where, tmp_path, 1.25, tmp_path / "second.toml"))

    assert f"site add example.com --config {tmp_path}/second.toml   then paste" in told
    assert f"demo --config {tmp_path}/second.toml   simulates" in told
