"""One settings file: defaults, file, environment, and what is refused with a way out."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from broker.config import BrokerConfig
from footfall.settings import CommonConfig, SettingsError, load, load_named, peek, setting


@dataclass(frozen=True, slots=True)
class Sample:
    port: int = setting(9000, "a port", low=0, high=65535)
    share: float = setting(0.5, "a share", low=0, high=1)
    mode: str = setting("fast", "a choice", choices=("fast", "safe"))
    names: tuple[str, ...] = setting(("a",), "a list")
    wanted: bool = setting(True, "yes or no")


def written(directory: Path, text: str) -> Path:
    path = directory / "footfall.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_hold() -> None:
    assert load("broker", Sample, None, {}) == Sample()


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, '[broker]\nport = 1\nmode = "safe"\n')

    found = load("broker", Sample, path, {"FOOTFALL_BROKER__PORT": "2"})

    assert (found.port, found.mode, found.share) == (2, "safe", 0.5)


def test_lists_and_booleans_can_be_given_in_the_environment() -> None:
    environ = {"FOOTFALL_BROKER__NAMES": "x, y", "FOOTFALL_BROKER__WANTED": "off"}

    found = load("broker", Sample, None, environ)

    assert (found.names, found.wanted) == (("x", "y"), False)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[broker]\nprot = 1", "unknown key 'prot' in [broker].*did you mean 'port'"),
        ("[brocker]\nport = 1", "unknown section [brocker].*did you mean 'broker'"),
        ("[broker]\nport = 65536", "port = 65536 .* above the maximum 65535"),
        ("[broker]\nshare = -0.1", "share = -0.1 .* below the minimum 0"),
        ('[broker]\nport = "1"', "port = '1' .* must be a whole number"),
        ("[broker]\nwanted = 1", "wanted = 1 .* must be true or false"),
        ('[broker]\nmode = "slow"', "mode = 'slow' .* is not one of fast, safe"),
        ("[broker]\nnames = 3", "names = 3 .* must be a list of strings"),
        ("[broker\n", "is not valid TOML"),
        ("broker = 3", "'broker' .* must be a section"),
    ],
)
def test_what_does_not_fit_is_refused_with_value_bound_and_place(
    tmp_path: Path, text: str, told: str
) -> None:
    path = written(tmp_path, text)

    with pytest.raises(SettingsError, match=told.replace("[", r"\[").replace("]", r"\]")):
        load("broker", Sample, path, {})


@pytest.mark.parametrize(
    ("variable", "value"), [("PORT", "many"), ("WANTED", "maybe"), ("SHARE", "1.5")]
)
def test_a_bad_variable_is_named_in_the_refusal(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"FOOTFALL_BROKER__{variable}"):
        load("broker", Sample, None, {f"FOOTFALL_BROKER__{variable}": value})


def test_a_misspelt_variable_is_refused_with_the_nearest_setting() -> None:
    """It was passed over in silence, and the default was used."""
    with pytest.raises(
        SettingsError, match=r"FOOTFALL_BROKER__PROT is not a setting; did you mean 'PORT'\?"
    ):
        load("broker", Sample, None, {"FOOTFALL_BROKER__PROT": "1"})


def test_variables_of_other_sections_are_no_business_of_this_one() -> None:
    """FOOTFALL_PORT is what Kubernetes sets for a service of our name."""
    environ = {
        "FOOTFALL_INGEST__PROT": "1",
        "FOOTFALL_TEST_SEED": "1",
        "FOOTFALL_PORT": "tcp://10.0.0.1:8080",
        "FOOTFALL_BROKER_PORT_9092_TCP": "tcp://10.0.0.1:9092",
        "OTHER__KEY": "1",
    }

    assert load("broker", Sample, None, environ) == Sample()


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("FOOTFALL_BROKERS__PORT", "of no section; did you mean 'BROKER'"),
        ("FOOTFALL_DASHBORD__PORT", "of no section; did you mean 'DASHBOARD'"),
        ("FOOTFALL_BROKER__PORT__X", "not a setting; did you mean 'PORT'"),
    ],
)
def test_a_variable_of_no_section_is_refused_with_the_nearest(variable: str, told: str) -> None:
    with pytest.raises(SettingsError, match=f"{variable} is {told}"):
        load("broker", Sample, None, {variable: "1"})


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("FOOTFALL_CLUSTERS__FARR__PORT", "did you mean 'FAR__PORT'"),
        ("FOOTFALL_CLUSTERS__FAR__PROT", "did you mean 'FAR__PORT'"),
        ("FOOTFALL_CLUSTERS__FAR_WEST_1__MODUS", "did you mean 'FAR_WEST_1__MODE'"),
        ("FOOTFALL_CLUSTERS__PORT", "did you mean 'FAR__PORT'"),
        ("FOOTFALL_CLUSTER__FAR__PORT", "of no section; did you mean 'CLUSTERS'"),
    ],
)
def test_a_misspelt_variable_of_a_named_section_is_refused_with_the_nearest(
    tmp_path: Path, variable: str, told: str
) -> None:
    """It was passed over in silence, where its name was misspelt."""
    path = written(tmp_path, '[clusters.far]\nport = 1\n[clusters."far-west.1"]\nport = 2\n')

    with pytest.raises(SettingsError, match=f"{variable} is .*{told}"):
        load_named("clusters", Sample, path, {variable: "1"})


def test_a_variable_of_a_named_section_is_refused_where_no_name_is(tmp_path: Path) -> None:
    path, environ = written(tmp_path, ""), {"FOOTFALL_CLUSTERS__FAR__PORT": "1"}

    with pytest.raises(SettingsError, match=r"FAR__PORT is .*: there is no section \[clusters"):
        load_named("clusters", Sample, path, environ)
    with pytest.raises(SettingsError, match="without a settings file"):
        load_named("clusters", Sample, None, environ)


def test_every_named_section_takes_its_variables(tmp_path: Path) -> None:
    path = written(tmp_path, '[clusters.far]\nport = 1\n[clusters."far-west.1"]\nport = 2\n')
    environ = {"FOOTFALL_CLUSTERS__FAR__PORT": "3", "FOOTFALL_CLUSTERS__FAR_WEST_1__MODE": "safe"}

    found = load_named("clusters", Sample, path, environ)

    assert found == {"far": Sample(port=3), "far-west.1": Sample(port=2, mode="safe")}


def test_a_key_like_no_other_is_told_the_nearest_few_of_many(tmp_path: Path) -> None:
    """All names of the broker, 150 of them, filled the screen."""
    path = written(tmp_path, "[broker]\nzzz = 1\n")

    with pytest.raises(SettingsError) as refusal:
        load("broker", BrokerConfig, path, {})

    told = str(refusal.value)
    assert re.search(r"unknown key 'zzz' in \[broker\] of .*; nearest: \w+, \w+, \w+;", told)
    assert re.search(r"all \d+ stand in the footfall.toml that comes with Footfall", told)
    assert len(told) < 200 + len(str(path))


def test_a_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot read settings file .*absent\.toml"):
        load("broker", Sample, tmp_path / "absent.toml", {})


def test_every_role_shares_the_common_section(tmp_path: Path) -> None:
    path = written(tmp_path, '[footfall]\ndata_dir = "/srv/footfall"\n')

    assert load("footfall", CommonConfig, path, {}) == CommonConfig(data_dir="/srv/footfall")


def test_one_setting_can_be_peeked_at_without_its_dataclass(tmp_path: Path) -> None:
    path = written(tmp_path, "[dashboard]\nport = 8081\n")

    assert peek("dashboard", "port", 8080, None, {}) == 8080
    assert peek("dashboard", "port", 8080, path, {}) == 8081
    assert peek("dashboard", "port", 8080, path, {"FOOTFALL_DASHBOARD__PORT": "1"}) == 1
    with pytest.raises(SettingsError):
        peek("dashboard", "port", 8080, path, {"FOOTFALL_DASHBOARD__PORT": "x"})
