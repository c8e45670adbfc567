"""Settings: reads one section of footfall.toml into a frozen dataclass.

Order of precedence: environment `FOOTFALL_<SECTION>__<KEY>`, then the file, then the default in
the dataclass. A value is checked against the type of its field and the bounds that `setting`
carries; what does not fit raises `SettingsError`, naming the value, the bound and the place.
"""

import dataclasses
import difflib
import math
import os
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

EXIT_CONFIG = 78  # sysexits.h EX_CONFIG: a role that ends with it is not started again

SECTIONS = (
    "footfall",
    "up",
    "broker",
    "kafka",
    "ingest",
    "stream",
    "export",
    "dashboard",
    "clusters",
    "masks",
    "rights",
    "oidc",
    "ldap",
    "demo",
)
"""Every section of footfall.toml; each belongs to one dataclass in one package's config.py."""

NAMED_SECTIONS = ("clusters", "masks", "rights")
"""Sections that there may be many of, written [clusters.NAME]."""

PREFIX: typing.Final = "FOOTFALL_"  # of environment variables
LISTED_MAX: typing.Final = 20  # names that a refusal lists
NEAREST_MAX: typing.Final = 3

S = TypeVar("S")
TYPE_WORDS: typing.Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
}


class SettingsError(Exception):
    """A settings file or variable that cannot be used; the message tells what to change."""


def setting(
    default: Any,
    help_text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    secret: bool = False,
) -> Any:
    """A field of a settings dataclass: its default, one line of meaning, and its bounds.

    The value of a secret one is neither in the dataclass's repr nor in an error.
    """
    metadata = {"help": help_text, "low": low, "high": high, "choices": choices, "secret": secret}
    return dataclasses.field(default=default, metadata=metadata, repr=not secret)


@dataclasses.dataclass(frozen=True, slots=True)
class CommonConfig:
    """Section [footfall]: what every role shares."""

    data_dir: str = setting("./data", "directory for everything Footfall stores")
    log_level: str = setting(
        "INFO", "least severe level that is logged", choices=("DEBUG", "INFO", "WARNING", "ERROR")
    )


def load(
    section: str,
    settings_type: type[S],
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> S:
    """Section `section` of the file at `path` (None: no file, defaults only), with overrides."""
    values = dict(_read(path).get(section, {}))
    _refuse_unknown_sections(environ)
    _refuse_unknown_variables(section, _keys(settings_type), environ)
    return _built(section, settings_type, values, f"[{section}] of {path}", environ)


def load_named(
    section: str,
    settings_type: type[S],
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> dict[str, S]:
    """Every [section.NAME] of the file, by name, with overrides FOOTFALL_<SECTION>__<NAME>__<KEY>.

    Letters of a name that a variable cannot hold are `_` in it.
    """
    found: dict[str, S] = {}
    bodies = _read(path).get(section, {})
    safe = {name: "".join(one if one.isalnum() else "_" for one in name) for name in bodies}
    keys = [f"{word}__{key}" for word in safe.values() for key in _keys(settings_type)]
    _refuse_unknown_sections(environ)
    if keys:
        _refuse_unknown_variables(section, keys, environ)
    else:
        _refuse_names_of_nothing(section, path, environ)
    for name, values in bodies.items():
        if not isinstance(values, dict):
            raise SettingsError(f"{name!r} in [{section}] of {path} must be in [{section}.NAME]")
        place = f"[{section}.{name}] of {path}"
        variables = f"{section}__{safe[name]}"
        found[name] = _built(variables, settings_type, dict(values), place, environ)
    return found


def _built(
    variables: str,
    settings_type: type[S],
    values: dict[str, Any],
    place: str,
    environ: Mapping[str, str],
) -> S:
    """One dataclass from what a file and the variables `FOOTFALL_<variables>__<KEY>` say."""
    fields = {field.name: field for field in dataclasses.fields(settings_type)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise SettingsError(f"unknown key {key!r} in {place}{_nearest(key, fields)}")
    hints = typing.get_type_hints(settings_type)
    checked = {key: _check(value, hints[key], fields[key], place) for key, value in values.items()}
    for key, field in fields.items():
        variable = f"FOOTFALL_{variables}__{key}".upper()
        if variable in environ:
            value = _parse(environ[variable], hints[key], variable)
            checked[key] = _check(value, hints[key], field, f"environment variable {variable}")
    return settings_type(**checked)


def _keys(settings_type: type[Any]) -> list[str]:
    return [field.name for field in dataclasses.fields(settings_type)]


def _refuse_unknown_sections(environ: Mapping[str, str]) -> None:
    """SettingsError for a variable of a section that there is not: a misspelt one.

    Two underscores make a variable ours: Kubernetes sets FOOTFALL_PORT and the like, for a service
    of that name, and tests and scripts may have theirs.
    """
    for variable in environ:
        section, parts, _ = variable.removeprefix(PREFIX).partition("__")
        if variable.startswith(PREFIX) and parts and section.lower() not in SECTIONS:
            near = _nearest(section, [name.upper() for name in SECTIONS])
            raise SettingsError(f"environment variable {variable} is of no section{near}")


def _refuse_unknown_variables(
    section: str, known: typing.Iterable[str], environ: Mapping[str, str]
) -> None:
    """SettingsError for a variable of this section that no setting has: a misspelt one.

    `known` are keys, or NAME__KEY of a section that there may be many of.
    """
    prefix = f"{PREFIX}{section}__".upper()
    names = [key.upper() for key in known]
    for variable in environ:
        key = variable.removeprefix(prefix)
        if variable.startswith(prefix) and key not in names:
            raise SettingsError(
                f"environment variable {variable} is not a setting{_nearest(key, names)}"
            )


def _refuse_names_of_nothing(section: str, path: Path | None, environ: Mapping[str, str]) -> None:
    """SettingsError for a variable of [section.NAME] where the file has none of them."""
    prefix = f"{PREFIX}{section}__".upper()
    place = f"in {path}" if path is not None else "without a settings file"
    for variable in environ:
        if variable.startswith(prefix):
            raise SettingsError(
                f"environment variable {variable} is not a setting: there is no section"
                f" [{section}.NAME] {place}"
            )


def peek(
    section: str,
    key: str,
    default: S,
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> S:
    """One setting of a section whose dataclass the caller may not import, such as a role's port.

    `default` is the dataclass's own (tests/house compares them) and gives the type.
    """
    field: dataclasses.Field[Any] = setting(default, "")
    field.name = key
    variable = f"FOOTFALL_{section}__{key}".upper()
    value: Any = _read(path).get(section, {}).get(key, default)
    if variable in environ:
        value = _parse(environ[variable], type(default), variable)
    checked: S = _check(value, type(default), field, f"[{section}]")
    return checked


def with_texts(settings: S, texts: Mapping[str, str], place: str) -> S:
    """The same settings, some of them given as texts; `place` says where they stand."""
    if not texts:
        return settings
    fields = {field.name: field for field in dataclasses.fields(settings)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(type(settings))
    values = {
        key: _check(_parse(text, hints[key], f"{key} in {place}"), hints[key], fields[key], place)
        for key, text in texts.items()
    }
    return dataclasses.replace(settings, **values)  # type: ignore[type-var]


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"cannot read settings file {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"settings file {path} is not valid TOML: {error}") from error
    for name, body in document.items():
        if name not in SECTIONS:
            raise SettingsError(f"unknown section [{name}] in {path}{_nearest(name, SECTIONS)}")
        if not isinstance(body, dict):
            raise SettingsError(f"{name!r} in {path} must be a section, written [{name}]")
    return document


def _nearest(word: str, known: typing.Iterable[str]) -> str:
    """What was meant, or where to look: never a list that is longer than a sentence."""
    names = sorted(known)
    if near := difflib.get_close_matches(word, names, n=1):
        return f"; did you mean {near[0]!r}?"
    if len(names) <= LISTED_MAX:
        return f"; known: {', '.join(names)}"
    near = difflib.get_close_matches(word, names, n=NEAREST_MAX, cutoff=0.0)
    return (
        f"; nearest: {', '.join(near)}; all {len(names)} stand in the footfall.toml that comes"
        " with Footfall"
    )


def _parse(text: str, hint: Any, variable: str) -> Any:
    """The value that an environment variable's text stands for, by the type of its field."""
    if hint is bool:
        if text.lower() in ("true", "1", "yes", "on"):
            return True
        if text.lower() in ("false", "0", "no", "off"):
            return False
        raise SettingsError(f"{variable}={text!r} is not true or false")
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError as error:
            raise SettingsError(f"{variable}={text!r} is not a number") from error
    if typing.get_origin(hint) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _check(value: Any, hint: Any, field: dataclasses.Field[Any], place: str) -> Any:
    """`value` as its field wants it; raises SettingsError when type, bound or choice is wrong."""
    if isinstance(hint, types.UnionType):  # `str | None`: absent in the file, never null
        hint = next(arm for arm in typing.get_args(hint) if arm is not types.NoneType)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise SettingsError(f"{field.name} = {value!r} in {place} must be a list of strings")
        return tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not hint:
        shown = "a secret" if field.metadata.get("secret") else repr(value)
        raise SettingsError(f"{field.name} = {shown} in {place} must be {TYPE_WORDS[hint]}")
    if trouble := _out_of_bounds(value, field.metadata):
        raise SettingsError(f"{field.name} = {value!r} in {place} is {trouble}")
    return value


def _out_of_bounds(value: Any, bounds: Mapping[str, Any]) -> str | None:
    """What a value of the right type is that it may not be."""
    low, high, choices = (bounds.get(key) for key in ("low", "high", "choices"))
    if isinstance(value, float) and not math.isfinite(value):
        return "not a finite number"
    if low is not None and value < low:
        return f"below the minimum {low}"
    if high is not None and value > high:
        return f"above the maximum {high}"
    if choices and value not in choices:
        return f"not one of {', '.join(choices)}"
    return None
