"""Frames and their headers: what surrounds every request and response.

    frame           int32 size of the rest | header | message
    request header  int16 api key | int16 version | int32 correlation id | nullable string client id
                    | tagged fields, when the version of the request is flexible
    response header int32 correlation id | tagged fields, when flexible (never for ApiVersions)

The client id keeps its int16 length in flexible versions too, so that the header of a version that
a broker does not know can still be read (KIP-482, KIP-511).
"""

import struct
from typing import NamedTuple

from broker.protocol.primitives import Buffer, ProtocolError, skip_tagged_fields

SIZE_BYTES = 4
BUFFER_BYTES = 65_536  # one receive buffer, while frames are small
_GROWTH = 16  # a buffer may be so many times larger than what has arrived of the frame in it

_INT32 = struct.Struct(">i")
_REQUEST_HEADER = struct.Struct(">hhih")


class FrameTooLarge(ProtocolError):
    """A frame that claims more bytes than the broker accepts, or fewer than none."""


class RequestHeader(NamedTuple):
    """Who asks what, in which version; the answer carries the same correlation id."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None


class FrameReader:
    """Cuts a stream of bytes into frames without copying them again.

    Bytes are received straight into a buffer that nobody writes to twice: a frame handed out is a
    view of it. A frame that does not fit moves to a buffer of its own, which grows with what has
    arrived, never with what was only announced.
    """

    def __init__(self, frame_bytes_max: int) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._view = memoryview(bytearray(BUFFER_BYTES))
        self._start = 0  # of the first frame that is not complete
        self._end = 0  # of what was received

    @property
    def has_partial_frame(self) -> bool:
        """Whether the beginning of a frame has arrived and the rest has not."""
        return self._end > self._start

    def allow(self, frame_bytes_max: int) -> None:
        """From now on accept frames up to this size."""
        self._frame_bytes_max = frame_bytes_max

    def space(self) -> memoryview:
        """Where the next bytes are to be received, never empty; `received` tells how many came."""
        if self._end == len(self._view):
            self._move(BUFFER_BYTES)
        return self._view[self._end :]

    def received(self, count: int) -> list[memoryview]:
        """Take note of `count` bytes in `space`; the frames now complete, without their size.

        FrameTooLarge when a frame announces a size outside 0 to the most the broker accepts.
        """
        view, start = self._view, self._start
        end = self._end = self._end + count
        frames: list[memoryview] = []
        while end - start >= SIZE_BYTES:
            size = _INT32.unpack_from(view, start)[0]
            if not 0 <= size <= self._frame_bytes_max:
                raise FrameTooLarge(
                    f"frame of {size} bytes is outside 0 to {self._frame_bytes_max}"
                )
            after = start + SIZE_BYTES + size
            if after > end:
                if after > len(view):
                    self._start = start
                    self._move(SIZE_BYTES + size)
                    return frames
                break
            frames.append(view[start + SIZE_BYTES : after])
            start = after
        self._start = start
        return frames

    def feed(self, data: Buffer) -> list[memoryview]:
        """Receive `data`, as if a socket had written it into `space`; the frames now complete."""
        frames: list[memoryview] = []
        source = memoryview(data)
        while source:
            space = self.space()
            count = min(len(space), len(source))
            space[:count] = source[:count]
            frames += self.received(count)
            source = source[count:]
        return frames

    def _move(self, wanted: int) -> None:
        """Take the partial frame along to a fresh buffer of up to `wanted` bytes."""
        partial = self._view[self._start : self._end]
        size = max(BUFFER_BYTES, min(wanted, len(partial) * _GROWTH))
        self._view = memoryview(bytearray(max(size, len(partial) + 1)))
        self._view[: len(partial)] = partial
        self._start, self._end = 0, len(partial)


def decode_request_header(frame: memoryview) -> tuple[RequestHeader, memoryview]:
    """The header of a request, and the rest of its frame.

    The rest begins with the header's tagged fields when the request is flexible; whether it is only
    the API's declaration knows, so `skip_header_tags` comes after the look-up.
    """
    try:
        key, version, correlation_id, length = _REQUEST_HEADER.unpack_from(frame)
    except struct.error as error:
        raise ProtocolError(f"request header of {len(frame)} bytes ends too early") from error
    position = _REQUEST_HEADER.size
    client_id = None
    if length >= 0:
        if position + length > len(frame):
            remain = len(frame) - position
            raise ProtocolError(f"client id needs {length} bytes, {remain} remain")
        client_id = str(frame[position : position + length], "utf-8", "replace")
        position += length
    return RequestHeader(key, version, correlation_id, client_id), frame[position:]


def skip_header_tags(body: memoryview) -> int:
    """Position in `body` after the tagged fields that end the header of a flexible request."""
    try:
        return 1 if body[0] == 0 else skip_tagged_fields(body, 0, len(body))
    except IndexError as error:
        raise ProtocolError("tagged fields of the request header end too early") from error


def response_header(correlation_id: int, flexible: bool) -> bytes:
    """The header of a response; pass `flexible` False for every version of ApiVersions."""
    header = _INT32.pack(correlation_id)
    return header + b"\x00" if flexible else header


def frame_size(payload_bytes: int) -> bytes:
    """The prefix of a frame whose header and message take `payload_bytes` together."""
    return _INT32.pack(payload_bytes)
