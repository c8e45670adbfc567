"""What the dashboard and the child that tests expressions say to each other: frames of MessagePack.

    size uint32, big-endian | body

One request, then one answer; the child says nothing unasked.
"""

import errno
import socket
import struct
from typing import Final

import msgspec

LENGTH_MAX: Final = 1_000  # letters of an expression
CPU_S: Final = 1.0  # of processor time for one question; then the child is ended
FRAME_BYTES_MAX: Final = 67_108_864
NO_MEMORY: Final = errno.ENOMEM  # exit code of a child that ran out of it
_SIZE: Final = struct.Struct(">I")


class Sample(msgspec.Struct, array_like=True, frozen=True):
    """One record, as an expression sees it; None where there is no key or value."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, str | None]]
    partition: int
    offset: int
    timestamp_ms: int
    key_size: int | None = None  # bytes as stored; None: not told
    value_size: int | None = None
    headers_size: int | None = None


class Question(msgspec.Struct, array_like=True, frozen=True):
    """Whether each record fits; of none: whether the expression can be used at all."""

    expression: str
    samples: list[Sample]


class Answer(msgspec.Struct, array_like=True, frozen=True):
    """`fitting` says it for each record; those in `untested` (why: how many) do not fit."""

    fitting: list[bool] = []
    untested: dict[str, int] = {}
    refusal: str = ""  # why the expression cannot be used, with its place


def send(to: socket.socket, message: Question | Answer) -> None:
    """Raises OSError."""
    body = msgspec.msgpack.encode(message)
    to.sendall(_SIZE.pack(len(body)) + body)


def receive(of: socket.socket) -> bytes:
    """The body of one frame; raises EOFError when nobody is there any more, OSError."""
    (size,) = _SIZE.unpack(_exactly(of, _SIZE.size))
    if size > FRAME_BYTES_MAX:
        raise EOFError
    return _exactly(of, size)


def _exactly(of: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        piece = of.recv(size - len(found))
        if not piece:
            raise EOFError
        found += piece
    return bytes(found)
