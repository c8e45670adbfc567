"""What a Kafka Connect worker tells beside its connectors: offsets, plugins, loggers, mistakes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dashboard.connect.model import refusal
from tracker.kafka.admin import ClusterUnavailable

PLACES_MAX: Final = 1_000
PLUGINS_MAX: Final = 2_000
LOGGERS_MAX: Final = 5_000
LETTERS: Final = 500


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connector stands in one of its partitions, both in the connector's own words."""

    partition: Mapping[str, Any]
    offset: Mapping[str, Any] | None  # None: nothing is kept


@dataclass(frozen=True, slots=True)
class Offsets:
    """At most PLACES_MAX of them, and how many there are."""

    places: tuple[Place, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Plugin:
    """A class that a worker can load."""

    name: str
    kind: str  # source, sink, converter, transformation ...
    version: str


@dataclass(frozen=True, slots=True)
class Details:
    """Of one worker; the root logger comes first, no loggers: they are not told here."""

    plugins: tuple[Plugin, ...]
    loggers: tuple[tuple[str, str], ...]  # name, level


def offsets(body: Any) -> Offsets:
    """Of `GET /connectors/X/offsets`; raises ClusterUnavailable."""
    listed = body.get("offsets") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise ClusterUnavailable("it answered something else than offsets")
    places = [
        Place(one["partition"], one["offset"] if isinstance(one.get("offset"), dict) else None)
        for one in listed[:PLACES_MAX]
        if isinstance(one, dict) and isinstance(one.get("partition"), dict)
    ]
    return Offsets(tuple(places), len(listed))


def plugin_list(body: Any) -> tuple[Plugin, ...]:
    """Of `GET /connector-plugins`, sorted; raises ClusterUnavailable."""
    if not isinstance(body, list):
        raise ClusterUnavailable("it answered something else than plugins")
    found = [
        Plugin(str(one.get("class", "")), str(one.get("type", "")), str(one.get("version") or ""))
        for one in body[:PLUGINS_MAX]
        if isinstance(one, dict)
    ]
    return tuple(sorted(found, key=lambda one: (one.kind, one.name, one.version)))


def loggers(body: Any) -> tuple[tuple[str, str], ...]:
    """Of `GET /admin/loggers`."""
    if not isinstance(body, dict):
        return ()
    found = [
        (str(name), str(one.get("level", "")))
        for name, one in list(body.items())[:LOGGERS_MAX]
        if isinstance(one, dict)
    ]
    return tuple(sorted(found, key=lambda one: (one[0] != "root", one[0])))


def errors(body: Any) -> dict[str, str]:
    """Of a validation: what is wrong with each setting, without secrets."""
    listed = body.get("configs") if isinstance(body, dict) else None
    found = {}
    for one in listed if isinstance(listed, list) else ():
        value = one.get("value") if isinstance(one, dict) else None
        wrong = value.get("errors") if isinstance(value, dict) else None
        if isinstance(wrong, list) and wrong and isinstance(value, dict):
            told = refusal("; ".join(str(text) for text in wrong))
            found[str(value.get("name", ""))] = told[:LETTERS]
    return found


def said(body: Any) -> str:
    """The sentence of an answer."""
    message = body.get("message") if isinstance(body, dict) else None
    return refusal(str(message))[:LETTERS] if message else ""
