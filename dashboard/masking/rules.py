"""What nobody may see of messages: rules of [masks.NAME], applied before anything else looks.

A rule fails closed: where its fields cannot be looked for because a value is not JSON, or its
pattern because it is not text, the whole value is hidden. Regular expressions are RE2: no message
can make them slow.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import re2

from dashboard.config import MaskConfig
from dashboard.decoders.reader import NOTE
from footfall.settings import SettingsError
from tracker.kafka.answers import Record

ANYWHERE: Final = "**"
EACH: Final = "*"
HASH_LETTERS: Final = 16
NOT_JSON: Final = b"(masked: no JSON fields)"
NOT_TEXT: Final = b"(masked: not text)"
REMOVED: Final = b"(removed)"
_GONE: Final = object()
_EXPONENT: Final = re.compile(r"[0-9][eE][+-]?[0-9]")
_ESCAPED: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\."
)

Hide = Callable[[bytes], str]
"""What stands instead of something that is hidden."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One section, ready to use."""

    name: str
    config: MaskConfig
    topics: Any  # a compiled expression, matched against the whole name
    pattern: Any  # the same, or None
    paths: tuple[tuple[str, ...], ...]
    hide: Hide

    def concerns(self, topic: str) -> bool:
        return self.topics.fullmatch(topic) is not None

    def masked(self, record: Record) -> Record:
        """The record as it may be seen."""
        key, value = self._part(record.key, False), self._part(record.value, True)
        if self.config.key and record.key is not None:
            key = self._whole(record.key)
        if self.config.value and record.value is not None:
            value = self._whole(record.value)
        headers = []
        for name, part in record.headers:
            if name == NOTE and part is not None:  # why bytes are unreadable may quote them
                part = part.partition(b" (")[0]
            if name not in self.config.headers:
                headers.append((name, self._found(part)))
            elif self.config.action != "remove":
                headers.append((name, self._whole(part) if part is not None else None))
        return replace(record, key=key, value=value, headers=tuple(headers), sizes=None)

    def _part(self, part: bytes | None, is_value: bool) -> bytes | None:
        """Fields first, then what the pattern finds. A key that is not JSON has no fields."""
        if part is None:
            return None
        if self.paths:
            found = self._fields(part)
            if found is None and is_value:
                return NOT_JSON
            part = part if found is None else found
        return self._found(part)

    def _fields(self, part: bytes) -> bytes | None:
        """None when it is not JSON with fields."""
        try:
            body = json.loads(part)
            if not _has_fields(body):
                return None
            for path in self.paths:
                body = self._walk(body, path)
            return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        except (ValueError, RecursionError):
            return None

    def _walk(self, body: Any, path: tuple[str, ...]) -> Any:
        """`body` with what `path` leads to hidden; lists are walked through."""
        if isinstance(body, list):
            return [self._walk(item, path) for item in body]
        if not isinstance(body, dict):
            return body
        step, rest = path[0], path[1:]
        if step == ANYWHERE:
            deeper = {name: self._walk(item, path) for name, item in body.items()}
            return self._walk(deeper, rest) if rest else deeper
        kept: dict[str, Any] = {}
        for name, item in body.items():
            found = item
            if step in (EACH, name):
                found = self._walk(item, rest) if rest else self._hidden(item)
            if found is not _GONE:
                kept[name] = found
        return kept

    def _hidden(self, item: Any) -> Any:
        if self.config.action == "remove":
            return _GONE
        return self.hide(json.dumps(item, sort_keys=True).encode())

    def _whole(self, part: bytes) -> bytes:
        return REMOVED if self.config.action == "remove" else self.hide(part).encode()

    def _found(self, part: bytes | None) -> bytes | None:
        """With each match of the pattern hidden."""
        if part is None or self.pattern is None:
            return part
        try:
            text = part.decode("utf-8")
        except UnicodeDecodeError:
            return NOT_TEXT
        if "\0" in text:  # UTF-16 and 32 pass for UTF-8, with their letters apart
            return NOT_TEXT
        if text.lstrip()[:1] in ("{", "["):
            text = _written_out(text)
            text = _ESCAPED.sub(_plain, text) if "\\" in text else text
        remove = self.config.action == "remove"
        hidden = self.pattern.sub(
            lambda match: "" if remove else self.hide(match.group(0).encode()), text
        )
        return str(hidden).encode()


def _written_out(text: str) -> str:
    """JSON with its numbers as pages show them: 4.1e3 is 4100.0, perhaps what is to be hidden."""
    if _EXPONENT.search(text) is None:
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace").decode()
    except (ValueError, RecursionError):
        return text


def _plain(escaped: re.Match[str]) -> str:
    """A letter that JSON may write otherwise, as pages show it; what it must escape stays."""
    try:
        letter = str(json.loads(f'"{escaped.group(0)}"'))
        letter.encode()
    except ValueError:  # half of a pair, or no escape of JSON
        return escaped.group(0)
    return escaped.group(0) if letter < " " or letter in ('"', "\\") else letter


def _has_fields(body: Any) -> bool:
    """An object, or a list of such: a bare value might itself be what a rule is to hide."""
    if isinstance(body, list):
        return all(_has_fields(item) for item in body)
    return isinstance(body, dict)


class Masks:
    """Every rule of the settings."""

    def __init__(self, configs: Mapping[str, MaskConfig], secret: bytes) -> None:
        """`secret` makes hashes that nobody can try values against. Raises SettingsError."""
        self._rules = tuple(_rule(name, config, secret) for name, config in configs.items())

    def __bool__(self) -> bool:
        return bool(self._rules)

    def configs(self) -> tuple[tuple[str, MaskConfig], ...]:
        """Every rule as its section of the settings says it."""
        return tuple((rule.name, rule.config) for rule in self._rules)

    def names(self, topic: str) -> tuple[str, ...]:
        """Rules that hide something of the topic's messages."""
        return tuple(rule.name for rule in self._rules if rule.concerns(topic))

    def masked(self, record: Record) -> Record:
        """The record as it may be seen."""
        for rule in self._rules:
            if rule.concerns(record.topic):
                record = rule.masked(record)
        return record


def _rule(name: str, config: MaskConfig, secret: bytes) -> Rule:
    place = f"[masks.{name}]"
    if not config.topics:
        raise SettingsError(f"{place} names no topics")
    if not (config.fields or config.pattern or config.headers or config.key or config.value):
        raise SettingsError(f"{place} hides nothing: set fields, pattern, headers, key or value")
    paths = tuple(tuple(field.split(".")) for field in config.fields)
    if any("" in path or path[-1] == ANYWHERE for path in paths):
        raise SettingsError(f"fields in {place} must be names joined by dots, such as user.email")
    try:
        topics = re2.compile(config.topics)
        pattern = re2.compile(config.pattern) if config.pattern else None
    except re2.error as error:
        raise SettingsError(
            f"{place} has a regular expression that RE2 refuses: {error}"
        ) from error
    hide: Hide = _hash(secret) if config.action == "hash" else lambda part: config.replacement
    return Rule(name, config, topics, pattern, paths, hide)


def _hash(secret: bytes) -> Hide:
    """The same for the same value, so that it can be followed without being known."""

    def hide(part: bytes) -> str:
        return "#" + hmac.new(secret, part, hashlib.sha256).hexdigest()[:HASH_LETTERS]

    return hide
