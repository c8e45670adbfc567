"""footfall.toml shows every setting of every role with its true default, and nothing else."""

import dataclasses
import importlib
import re
import tomllib
from typing import Any

import pytest

from footfall.roles import ROLES
from footfall.section_check import SETTINGS_OF
from footfall.settings import SECTIONS, CommonConfig
from tests.support.tools import ROOT

DATACLASSES = {
    "footfall": ("footfall.settings", "CommonConfig"),
    "up": ("footfall.config", "UpConfig"),
    **SETTINGS_OF,
}
SETTING_LINE = re.compile(r"# (?P<key>[a-z][a-z0-9_]*) = (?P<value>.*?)   # (?P<meaning>.+)")


def dataclass_of(section: str) -> Any:
    module, name = DATACLASSES[section]
    return getattr(importlib.import_module(module), name)


def documented() -> dict[str, dict[str, Any]]:
    """Section -> key -> default, as the comments of footfall.toml say."""
    sections: dict[str, dict[str, Any]] = {}
    body: dict[str, Any] = {}
    for line in (ROOT / "footfall.toml").read_text().splitlines():
        if header := re.fullmatch(r"\[([a-z]+)\]", line):
            body = sections.setdefault(header[1], {})
        elif found := SETTING_LINE.fullmatch(line):
            body[found["key"]] = tomllib.loads(f"value = {found['value']}")["value"]
    return sections


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_is_documented_with_its_default(section: str) -> None:
    fields = dataclasses.fields(dataclass_of(section))
    defaults = {field.name: field.default for field in fields}

    told = documented().get(section, {})

    as_toml = {
        key: list(value) if isinstance(value, tuple) else value for key, value in defaults.items()
    }
    assert told == as_toml


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_has_one_line_of_meaning(section: str) -> None:
    fields = dataclasses.fields(dataclass_of(section))

    assert [field.name for field in fields if not field.metadata.get("help")] == []


def test_sections_and_dataclasses_are_the_same_list() -> None:
    assert set(DATACLASSES) == set(SECTIONS)
    assert dataclass_of("footfall") is CommonConfig


def test_the_file_as_committed_changes_nothing() -> None:
    document = tomllib.loads((ROOT / "footfall.toml").read_text())

    assert {section: body for section, body in document.items() if body} == {}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_the_supervisor_knows_where_each_role_listens(role: Any) -> None:
    defaults = {
        field.name: field.default for field in dataclasses.fields(dataclass_of(role.section))
    }

    for endpoint in role.endpoints:
        assert defaults[endpoint.port_key] == endpoint.default_port, endpoint
        assert defaults[endpoint.host_key] == "127.0.0.1", endpoint
