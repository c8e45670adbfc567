"""Messages that differ from one before in a few numbers and their records only.

Many clients send the same request again and again with other records, and get the same answer with
other numbers. The codec lays out the first of them; of the next ones only what differs is read or
written. Nothing about a layout stands here: a shape is found by encoding.
"""

import struct
from collections.abc import Sequence
from typing import Any

from broker.protocol.codec import encode, join
from broker.protocol.frame import SIZE_BYTES
from broker.protocol.primitives import ProtocolError, uvarint_rest, write_uvarint
from broker.protocol.schema import is_flexible

_CORRELATION = 4  # where it begins in a request, behind api key and version
_CORRELATION_BYTES = 4
_RECORDS_LENGTH = struct.Struct(">i")


class RequestShape:
    """All bytes of a request frame but its correlation id and its only records."""

    __slots__ = ("_flexible", "_tail", "_tail_bytes", "key", "layout", "start")

    def __init__(self, start: bytes, key: bytes, tail: bytes, *, flexible: bool) -> None:
        self.start = start
        """Before the correlation id: api key and version."""
        self.key = key
        """From the correlation id to the length of the records; `layout` reads all three."""
        self.layout = struct.Struct(f">{_CORRELATION}si{len(key)}s")
        self._tail = tail
        self._tail_bytes = len(tail)
        self._flexible = flexible

    def records_of(self, frame: memoryview) -> memoryview | None:
        """The records of a frame with this start and key; None when the rest is different."""
        position, end = self.layout.size, len(frame) - self._tail_bytes
        if position + _RECORDS_LENGTH.size > end:
            return None
        if self._flexible:
            length = frame[position]
            position += 1
            if length > 0x7F:
                try:
                    length, position = uvarint_rest(frame, position, length)
                except (ProtocolError, IndexError):
                    return None  # the codec will say what is wrong with it
            length -= 1
        else:
            length = _RECORDS_LENGTH.unpack_from(frame, position)[0]
            position += _RECORDS_LENGTH.size
        if length < 0 or position + length != end or frame[end:] != self._tail:
            return None
        return frame[position:end]


def request_shape(
    frame: memoryview, body_bytes: int, message: Any, version: int
) -> RequestShape | None:
    """The shape of `frame`, whose last `body_bytes` are `message`.

    None when it has not exactly one field of records, or when the client encodes it otherwise than
    we do (unknown tagged fields, bytes too many).
    """
    chunks = encode(message, version)
    if len(chunks) not in (2, 3) or not isinstance(chunks[1], memoryview):
        return None
    head, tail = join(chunks[:1]), join(chunks[2:])
    length = _length(len(chunks[1]), flexible=is_flexible(type(message), version))
    header = bytes(frame[: len(frame) - body_bytes])
    if len(header) < _CORRELATION + _CORRELATION_BYTES or not head.endswith(length):
        return None
    if header + join(chunks) != frame:
        return None
    return RequestShape(
        header[:_CORRELATION],
        header[_CORRELATION + _CORRELATION_BYTES :] + head[: -len(length)],
        tail,
        flexible=is_flexible(type(message), version),
    )


def _length(size_bytes: int, *, flexible: bool) -> bytes:
    """The length of records as it stands before them."""
    if not flexible:
        return _RECORDS_LENGTH.pack(size_bytes)
    length = bytearray()
    write_uvarint(length, size_bytes + 1)
    return bytes(length)


class ResponseShape:
    """A response frame with blanks: its correlation id, and some int64 fields side by side."""

    __slots__ = ("_head", "_pack", "_size", "_tail")

    def __init__(self, frame: bytes, blanks: Sequence[int]) -> None:
        """`frame` has `blanks` somewhere, and once; ValueError if not.

        They can be any numbers, so take some that nothing else has.
        """
        blank = struct.pack(f">{len(blanks)}q", *blanks)
        if frame.count(blank) != 1:
            raise ValueError(f"{blanks} are in the frame {frame.count(blank)} times")
        begin, after_id = frame.index(blank), SIZE_BYTES + _CORRELATION_BYTES
        self._size = frame[:SIZE_BYTES]
        self._head = frame[after_id:begin]
        self._tail = frame[begin + len(blank) :]
        self._pack = struct.Struct(
            f">{SIZE_BYTES}si{len(self._head)}s{len(blanks)}q{len(self._tail)}s"
        ).pack

    def fill(self, correlation_id: int, numbers: Sequence[int]) -> bytes:
        """The whole frame with these in its blanks."""
        return self._pack(self._size, correlation_id, self._head, *numbers, self._tail)
