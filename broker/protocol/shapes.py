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
_CORRELATION_ID = struct.Struct(">i")


class RequestShape:
    """All bytes of a request frame but its correlation id and its records, in one field or more."""

    __slots__ = ("_behind", "_flexible", "key", "layout", "start")

    def __init__(
        self, start: bytes, key: bytes, behind: Sequence[bytes], *, flexible: bool
    ) -> None:
        self.start = start
        """Before the correlation id: api key and version."""
        self.key = key
        """From the correlation id to the length of the first records; `layout` reads all three."""
        self.layout = struct.Struct(f">{_CORRELATION}si{len(key)}s")
        # Behind each field of records, up to the length of the next ones or to the frame's end.
        self._behind = [(fixed, len(fixed)) for fixed in behind]
        self._flexible = flexible

    def records_of(self, frame: memoryview) -> list[memoryview] | None:
        """The records of a frame with this start and key; None when the rest is different."""
        position, flexible = self.layout.size, self._flexible
        found: list[memoryview] = []
        try:
            for fixed, fixed_bytes in self._behind:
                if flexible:
                    length = frame[position]
                    position += 1
                    if length > 0x7F:
                        length, position = uvarint_rest(frame, position, length)
                    length -= 1
                else:
                    (length,) = _RECORDS_LENGTH.unpack_from(frame, position)
                    position += _RECORDS_LENGTH.size
                end = position + length
                if length < 0 or frame[end : end + fixed_bytes] != fixed:
                    return None
                found.append(frame[position:end])
                position = end + fixed_bytes
        except (ProtocolError, IndexError, struct.error):
            return None  # the codec will say what is wrong with it
        return found if position == len(frame) else None


def request_shape(
    frame: memoryview, body_bytes: int, message: Any, version: int
) -> RequestShape | None:
    """The shape of `frame`, whose last `body_bytes` are `message`.

    None when it has no field of records, or when the client encodes it otherwise than we do
    (unknown tagged fields, bytes too many).
    """
    chunks = encode(message, version)
    flexible = is_flexible(type(message), version)
    fixed, records = _parted(chunks)
    header = bytes(frame[: len(frame) - body_bytes])
    if not records or len(header) < _CORRELATION + _CORRELATION_BYTES:
        return None
    for place, size_bytes in enumerate(records):
        length = _length(size_bytes, flexible=flexible)
        if not fixed[place].endswith(length):
            return None
        fixed[place] = fixed[place][: -len(length)]
    if header + join(chunks) != frame:
        return None
    return RequestShape(
        header[:_CORRELATION],
        header[_CORRELATION + _CORRELATION_BYTES :] + fixed[0],
        fixed[1:],
        flexible=flexible,
    )


def _parted(chunks: Sequence[Any]) -> tuple[list[bytes], list[int]]:
    """What stands before, between and behind the fields of records, and the sizes of those."""
    fixed, records = [b""], []
    for chunk in chunks:
        if isinstance(chunk, memoryview):
            records.append(len(chunk))
            fixed.append(b"")
        else:
            fixed[-1] += chunk
    return fixed, records


def _length(size_bytes: int, *, flexible: bool) -> bytes:
    """The length of records as it stands before them."""
    if not flexible:
        return _RECORDS_LENGTH.pack(size_bytes)
    length = bytearray()
    write_uvarint(length, size_bytes + 1)
    return bytes(length)


class ResponseShape:
    """A response frame with blanks: its correlation id, and groups of int64 fields side by side."""

    __slots__ = ("_frame", "_numbers", "_places")

    def __init__(self, frame: bytes, blanks: Sequence[Sequence[int]]) -> None:
        """`frame` has each group of `blanks` somewhere, and once; ValueError if not.

        They can be any numbers, so take some that nothing else has. All groups are equally long.
        """
        self._frame = bytearray(frame)
        self._numbers = struct.Struct(f">{len(blanks[0])}q")
        self._places: list[int] = []
        for group in blanks:
            blank = self._numbers.pack(*group)
            if frame.count(blank) != 1:
                raise ValueError(f"{group} are in the frame {frame.count(blank)} times")
            self._places.append(frame.index(blank))

    def fill(self, correlation_id: int, numbers: Sequence[Sequence[int]]) -> bytearray:
        """The whole frame with these groups of numbers in its blanks."""
        frame, pack_into = self._frame.copy(), self._numbers.pack_into
        _CORRELATION_ID.pack_into(frame, SIZE_BYTES, correlation_id)
        for place, group in zip(self._places, numbers, strict=True):
            pack_into(frame, place, *group)
        return frame
