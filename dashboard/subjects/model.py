"""What a schema registry tells: subjects, their versions, and what differs between two of them."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tracker.kafka.admin import ClusterUnavailable

SUBJECTS_MAX: Final = 50_000
VERSIONS_MAX: Final = 10_000
TEXT_LETTERS: Final = 200_000
DIFF_LINES: Final = 2_000  # of each text: comparing grows with the square
LEVELS: Final = (
    "NONE",
    "BACKWARD",
    "BACKWARD_TRANSITIVE",
    "FORWARD",
    "FORWARD_TRANSITIVE",
    "FULL",
    "FULL_TRANSITIVE",
)
MODES: Final = ("READWRITE", "READONLY", "READONLY_OVERRIDE", "IMPORT")
"""What may be registered: anything, nothing, nothing whatever subjects say, or schemas with their
ids (a registry is filled from another one)."""
DEFAULT_CONTEXT: Final = "."
KINDS: Final = {"AVRO": "Avro", "PROTOBUF": "Protobuf", "JSON": "JSON Schema"}


@dataclass(frozen=True, slots=True)
class Reference:
    """What a schema takes from another subject, and under which name."""

    name: str
    subject: str
    version: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A schema that somebody wants to register."""

    text: str
    kind: str
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a subject."""

    number: int
    id: int  # of the schema: the same text has one id wherever it is registered
    kind: str  # AVRO, PROTOBUF, JSON
    text: str
    references: tuple[Reference, ...] = ()
    used_by: tuple[tuple[str, int], ...] = ()  # subjects and versions that refer to it
    deleted: bool = False  # softly

    @property
    def kind_word(self) -> str:
        return KINDS.get(self.kind, self.kind)


@dataclass(frozen=True, slots=True)
class Listing:
    """Names of all subjects, and the level of those that have none of their own."""

    subjects: tuple[str, ...]
    deleted: frozenset[str]  # softly: their schemas still open values
    level: str
    mode: str | None = None  # None: it does not tell
    contexts: tuple[str, ...] = ()  # rooms of their own within the registry, the default one too


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject: its versions in order, oldest first."""

    name: str
    versions: tuple[int, ...]
    level: str | None  # None: the registry's
    mode: str | None = None  # None: the registry's
    deleted: tuple[int, ...] = ()  # versions that were deleted softly


@dataclass(frozen=True, slots=True)
class Own:
    """Level and mode of a context; None: the registry's."""

    level: str | None
    mode: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a draft may become the next version."""

    fits: bool
    reasons: tuple[str, ...] = ()
    known_as: int | None = None  # it is that version already


def context_of(subject: str) -> tuple[str, str]:
    """Context of a subject, and its name there: `:.staging:orders-value` is orders-value of
    .staging."""
    if subject.startswith(":."):
        context, colon, name = subject[1:].partition(":")
        if colon:
            return context, name
    return DEFAULT_CONTEXT, subject


def context_subject(context: str) -> str:
    """What stands for a whole context where a subject is asked for; empty: the default one."""
    return "" if context in ("", DEFAULT_CONTEXT) else f":{context}:"


def topic_of(subject: str) -> tuple[str, str] | None:
    """Topic and part (key, value) that a subject is of by TopicNameStrategy, which is usual."""
    for part in ("key", "value"):
        topic = subject.removesuffix(f"-{part}")
        if topic and topic != subject:
            return topic, part
    return None


def pretty(version: Version) -> str:
    """The schema as people read it: JSON indented; at most TEXT_LETTERS."""
    text = version.text
    if version.kind != "PROTOBUF":
        try:
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            pass  # as it came
    if len(text) > TEXT_LETTERS:
        return f"{text[:TEXT_LETTERS]}\n… {len(text) - TEXT_LETTERS} more letters"
    return text


def difference(before: Version, after: Version) -> list[tuple[str, str]] | None:
    """Lines with their sign: `+`, `-`, ` ` or `@` for a gap; None when they are too long."""
    first, second = pretty(before).splitlines(), pretty(after).splitlines()
    if max(len(first), len(second)) > DIFF_LINES:
        return None
    lines = list(difflib.unified_diff(first, second, n=4, lineterm=""))[2:]
    return [("@", "…") if line.startswith("@@") else (line[0], line[1:]) for line in lines]


def names(body: Any) -> tuple[str, ...]:
    """Of `GET /subjects`, in order; raises ClusterUnavailable."""
    if not isinstance(body, list):
        raise ClusterUnavailable("this is no schema registry")
    return tuple(sorted(str(name) for name in body[:SUBJECTS_MAX]))


def numbers(body: Any) -> tuple[int, ...]:
    """Of a list of versions or ids; raises ClusterUnavailable."""
    if not isinstance(body, list) or not all(isinstance(one, int) for one in body):
        raise ClusterUnavailable("the registry's answer holds no numbers")
    return tuple(sorted(body[:VERSIONS_MAX]))


def level(body: Any) -> str:
    """Of `GET /config`; registries call it by two names."""
    told = fields(body)
    return str(told.get("compatibilityLevel") or told.get("compatibility") or "not known")


def mode(body: Any) -> str:
    """Of `GET /mode`; raises ClusterUnavailable."""
    told = fields(body).get("mode")
    if not isinstance(told, str):
        raise ClusterUnavailable("the registry's answer holds no mode")
    return told


def version(body: Any, used_by: tuple[tuple[str, int], ...] = ()) -> Version:
    """Of `GET /subjects/X/versions/N`; raises ClusterUnavailable."""
    told = fields(body)
    number, schema_id, text = told.get("version"), told.get("id"), told.get("schema")
    if not (isinstance(number, int) and isinstance(schema_id, int) and isinstance(text, str)):
        raise ClusterUnavailable("the registry's answer holds no schema")
    listed = told.get("references")
    references = tuple(
        _reference(one)
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict)
    )
    return Version(
        number, schema_id, str(told.get("schemaType") or "AVRO"), text, references, used_by
    )


def _reference(body: Mapping[str, Any]) -> Reference:
    number = body.get("version")
    return Reference(
        str(body.get("name", "")),
        str(body.get("subject", "")),
        number if isinstance(number, int) else -1,
    )


def verdict(body: Any) -> Verdict:
    """Of a check of compatibility; reasons are a list or one text."""
    told = fields(body)
    said = told.get("messages") or told.get("reason") or ()
    reasons = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    return Verdict(told.get("is_compatible") is True, tuple(str(one) for one in reasons[:50]))


def fields(body: Any) -> Mapping[str, Any]:
    """An object; raises ClusterUnavailable."""
    if not isinstance(body, dict):
        raise ClusterUnavailable("the registry answered something else than an object")
    return body
