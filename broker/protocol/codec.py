"""Messages to bytes and back: one declaration for all versions, one compiled function for each.

A function is compiled at the first use of its (type, version), about 1 ms; from then on decoding
16 KB of produced records takes a few microseconds, and record bytes are never copied.
"""

import struct
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from broker.protocol.decoder import Decoder, compile_decoder
from broker.protocol.encoder import Encoder, compile_encoder
from broker.protocol.primitives import ProtocolError

M = TypeVar("M")


@runtime_checkable
class FileSlice(Protocol):
    """Record bytes that stay in their file: encoded as they are, sent by the server."""

    def __len__(self) -> int: ...

    def read(self) -> bytes: ...


Chunk = bytes | bytearray | memoryview | FileSlice

# Compiled so far: what functools.cache would hold, at half its cost per call.
_decoders: dict[tuple[Any, int], Decoder] = {}
_encoders: dict[tuple[Any, int], Encoder] = {}


class UnsupportedVersion(ProtocolError):
    """A version outside the range that a message is declared for."""


def encode(message: Any, version: int, prefix: bytes = b"") -> list[Chunk]:
    """`message` as chunks to be sent one after another; the first begins with `prefix`."""
    chunks: list[Chunk] = []
    encoder = _encoders.get((type(message), version)) or _encoder(type(message), version)
    last = encoder(message, bytearray(prefix), chunks)
    if last or not chunks:
        chunks.append(last)
    return chunks


def encode_bytes(message: Any, version: int) -> bytes:
    """`message` in one piece, with the records copied in: for internal records and tests."""
    return join(encode(message, version))


def join(chunks: Sequence[Chunk]) -> bytes:
    """All bytes of `chunks`, those in files read."""
    parts = [c if isinstance(c, bytes | bytearray | memoryview) else c.read() for c in chunks]
    return b"".join(parts)


def decode(
    message_type: type[M],
    version: int,
    buffer: bytes | bytearray | memoryview,
    position: int = 0,
    *,
    leftover: bool = False,
) -> M:
    """The message that fills `buffer` from `position` to its end; ProtocolError if none does.

    With `leftover` bytes may follow it, as Apache Kafka allows in requests: librdkafka 2.16 leaves
    three after a Metadata request for all topics.
    Record fields are views of `buffer`; everything else is copied out of it.
    """
    decoder = _decoders.get((message_type, version)) or _decoder(message_type, version)
    view = buffer if type(buffer) is memoryview else memoryview(buffer)
    end = len(view)
    try:
        message, position = decoder(view, position, end)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        reason = str(error) if isinstance(error, UnicodeDecodeError) else "it ends too early"
        raise ProtocolError(f"{message_type.__name__} v{version}: {reason}") from error
    if position != end and not leftover:
        extra = end - position
        raise ProtocolError(f"{message_type.__name__} v{version} has {extra} bytes too many")
    decoded: M = message
    return decoded


def _decoder(message_type: Any, version: int) -> Decoder:
    _check_version(message_type, version)
    decoder = _decoders[message_type, version] = compile_decoder(message_type, version)
    return decoder


def _encoder(message_type: Any, version: int) -> Encoder:
    _check_version(message_type, version)
    encoder = _encoders[message_type, version] = compile_encoder(message_type, version)
    return encoder


def _check_version(message_type: Any, version: int) -> None:
    low, high = message_type.VERSIONS
    if not low <= version <= high:
        name = message_type.__name__
        raise UnsupportedVersion(f"{name} v{version} is outside versions {low} to {high}")
