"""Records as people read them: JSON indented, text as it is, what is packed as JSON, else hex."""

import json
import string
from dataclasses import dataclass
from typing import Final

import msgspec

from dashboard.decoders import cbor, internal
from dashboard.text import size
from tracker.kafka.answers import Record

SHOWN_BYTES: Final = 2_000  # of a key, value or header
PACKED_BYTES_MAX: Final = 1_048_576  # of a value that may be MessagePack or CBOR


@dataclass(frozen=True, slots=True)
class Shown:
    """One record, decoded for people; None for what is null, which is not what is empty."""

    record: Record
    key: str | None
    key_kind: str  # as `kind`
    value: str | None
    kind: str  # json, text, msgpack, cbor, hex, empty, null
    headers: tuple[tuple[str, str | None], ...]
    cut: bool  # longer than what is shown

    @property
    def about_key(self) -> str:
        """`json, 12 B`."""
        sizes = self.record.sizes
        return self.key_kind + (f", {size(sizes.key)}" if sizes and self.key else "")

    @property
    def about_value(self) -> str:
        """`json, 1.2 kB, cut`."""
        if self.value is None:
            return "null: a tombstone"
        sizes = self.record.sizes
        told = f", {size(sizes.value)}" if sizes and self.value else ""
        return self.kind + told + (", cut" if self.cut else "")

    @property
    def about_headers(self) -> str:
        """`34 B`; empty where it is not told."""
        return size(self.record.sizes.headers) if self.record.sizes else ""


_PACKED: Final = frozenset((*range(0x81, 0x90), *range(0x91, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF))
"""First bytes of maps and arrays with something in them; none of them begins a text."""


def _message_pack(part: bytes) -> str | None:
    """A map or an array in MessagePack as JSON; None for anything else, or when bytes are left."""
    if part[0] not in _PACKED or len(part) > PACKED_BYTES_MAX:
        return None
    try:
        found = msgspec.msgpack.decode(part)
        return json.dumps(found, indent=1, ensure_ascii=False, default=str)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        return None


_CBOR: Final = frozenset((*range(0xA1, 0xBC), 0xBF, 0xD9))
"""First bytes of maps with something in them, and of CBOR that says that it is; an array could be
MessagePack of another meaning."""


def _cbor(part: bytes) -> str | None:
    """A map in CBOR as JSON, likewise."""
    if part[0] not in _CBOR or len(part) > PACKED_BYTES_MAX:
        return None
    try:
        found = cbor.decode(part)
        return json.dumps(found, indent=1, ensure_ascii=False) if found else None
    except (ValueError, RecursionError):
        return None


_PRINTABLE: Final = frozenset(string.printable) - frozenset("\x0b\x0c")


def decoded(record: Record, letters: int = SHOWN_BYTES, as_stored: bool = False) -> Shown:
    """The record as text: JSON indented (or `as_stored`), text as it is, everything else in hex."""
    value, kind = _part(record.value, letters)
    if as_stored and kind == "json" and record.value is not None:
        value = record.value.decode()
    key, key_kind = _part(record.key, letters)
    known_key, known_value = internal.decode(record.topic, record.key, record.value)
    if known_key is not None:
        key, key_kind = json.dumps(known_key, indent=1, ensure_ascii=False), "json"
    if known_value is not None:
        value, kind = json.dumps(known_value, indent=1, ensure_ascii=False), "json"
    headers = tuple((name, _cut(_part(part, letters)[0], letters)) for name, part in record.headers)
    cut = len(value or "") > letters or len(key or "") > letters
    return Shown(record, _cut(key, letters), key_kind, _cut(value, letters), kind, headers, cut)


def _cut(text: str | None, letters: int) -> str | None:
    return None if text is None else text[:letters]


def _part(part: bytes | None, letters: int) -> tuple[str | None, str]:
    return (None, "null") if part is None else _text(part, letters)


def _text(part: bytes, letters: int) -> tuple[str, str]:
    if not part:
        return "", "empty"
    try:
        text = part.decode("utf-8")
    except UnicodeDecodeError:
        for packed, kind in ((_message_pack, "msgpack"), (_cbor, "cbor")):
            if (told := packed(part)) is not None:
                return told, kind
        return part[:letters].hex(" "), "hex"
    if any(ord(letter) < 32 and letter not in _PRINTABLE for letter in text[:SHOWN_BYTES]):
        return part[:letters].hex(" "), "hex"
    if text[:1] in ("{", "["):
        try:
            return json.dumps(json.loads(text), indent=1, ensure_ascii=False), "json"
        except (ValueError, RecursionError):
            pass
    return text, "text"


def whole(record: Record) -> tuple[bytes | None, bytes | None]:
    """Key and value for programs: JSON and text as stored, what pages open opened, else hex."""
    key, value = internal.decode(record.topic, record.key, record.value)
    return (
        json.dumps(key).encode() if key is not None else _plain(record.key),
        json.dumps(value).encode() if value is not None else _plain(record.value),
    )


def _plain(part: bytes | None) -> bytes | None:
    if not part or _is_text(part):
        return part
    told, _ = _text(part, len(part))
    return told.encode()


def _is_text(part: bytes) -> bool:
    try:
        part.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
