"""CBOR (RFC 8949) as things that JSON can tell; what JSON has not is told in diagnostic notation.

Our own, since libraries also make what tags ask for (expressions, addresses, shared and cyclic
things): a value of anybody's must not choose what runs here. Each item takes a byte at least, so
bytes bound the work.
"""

import json
import struct
from typing import Any, Final

DEPTH_MAX: Final = 64
BIG_BYTES_MAX: Final = 1_024  # of a number: Python's own bound of digits is 4300
SELF_DESCRIBED: Final = 55_799
PLAIN_TAGS: Final = frozenset((0, 1, SELF_DESCRIBED))  # times tell themselves
_BIG: Final = frozenset((2, 3))
_FLOATS: Final = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}
_SIMPLE: Final[dict[int, Any]] = {20: False, 21: True, 22: None, 23: "undefined"}
_BREAK: Final = object()


class NotCbor(ValueError):
    """These bytes are something else."""


def decode(part: bytes) -> Any:
    """The one item that `part` is; raises NotCbor, also when bytes are left."""
    reader = _Reader(part)
    found = reader.item(0)
    if found is _BREAK or reader.at != len(part):
        raise NotCbor("bytes are left, or an end that nothing began")
    return found


class _Reader:
    def __init__(self, part: bytes) -> None:
        self._part = part
        self.at = 0

    def _take(self, length: int) -> bytes:
        found = self._part[self.at : self.at + length]
        if len(found) < length:
            raise NotCbor("it ends too early")
        self.at += length
        return found

    def item(self, depth: int) -> Any:
        """The next one; _BREAK at the end of something of indefinite length."""
        if depth > DEPTH_MAX:
            raise NotCbor("too deep")
        head = self._take(1)[0]
        major, more = head >> 5, head & 31
        if major == 7:
            return self._simple(more)
        number = self._number(more, indefinite=2 <= major <= 5)
        if major == 0:
            return number
        if major == 1:
            return -1 - self._known(number)
        if major in (2, 3):
            return _text(self._string(major, number), major)
        if major == 4:
            return self._items(number, depth)
        if major == 5:
            return self._map(number, depth)
        return self._tagged(self._known(number), depth)

    def _number(self, more: int, indefinite: bool) -> int | None:
        if more < 24:
            return more
        if more <= 27:
            return int.from_bytes(self._take(1 << (more - 24)))
        if more == 31 and indefinite:
            return None
        raise NotCbor("a length that is none")

    def _known(self, number: int | None) -> int:
        if number is None:
            raise NotCbor("a number is needed")
        return number

    def _string(self, major: int, length: int | None) -> bytes:
        if length is not None:
            return self._take(length)
        parts = []
        while (head := self._take(1)[0]) != 0xFF:
            if head >> 5 != major:
                raise NotCbor("a part of another kind")
            parts.append(self._take(self._known(self._number(head & 31, indefinite=False))))
        return b"".join(parts)

    def _items(self, number: int | None, depth: int) -> list[Any]:
        found: list[Any] = []
        while number is None or len(found) < number:
            one = self.item(depth + 1)
            if one is _BREAK:
                if number is None:
                    return found
                raise NotCbor("an end within")
            found.append(one)
        return found

    def _map(self, number: int | None, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        pairs = 0
        while number is None or pairs < number:
            key = self.item(depth + 1)
            if key is _BREAK and number is None:
                return found
            value = self.item(depth + 1) if key is not _BREAK else _BREAK
            if value is _BREAK:
                raise NotCbor("a key without a value")
            found[key if isinstance(key, str) else json.dumps(key)] = value
            pairs += 1
        return found

    def _tagged(self, tag: int, depth: int) -> Any:
        if tag in _BIG and self._part[self.at : self.at + 1] and self._part[self.at] >> 5 == 2:
            head = self._take(1)[0]
            raw = self._string(2, self._number(head & 31, indefinite=True))
            if len(raw) > BIG_BYTES_MAX:
                raise NotCbor("too large a number")
            return int.from_bytes(raw) if tag == 2 else -1 - int.from_bytes(raw)
        value = self.item(depth + 1)
        if value is _BREAK:
            raise NotCbor("a tag of nothing")
        return value if tag in PLAIN_TAGS else {f"tag {tag}": value}

    def _simple(self, more: int) -> Any:
        if more == 31:
            return _BREAK
        if more in _FLOATS:
            form, length = _FLOATS[more]
            return struct.unpack(form, self._take(length))[0]
        number = self._take(1)[0] if more == 24 else more
        if more > 24 or (more == 24 and number < 32):
            raise NotCbor("a simple value that is none")
        return _SIMPLE.get(number, f"simple({number})")


def _text(raw: bytes, major: int) -> str:
    """Bytes are told in hex; text must be UTF-8."""
    if major == 2:
        return f"h'{raw.hex()}'"
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotCbor("a text that is none") from error
