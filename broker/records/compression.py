"""The four codecs of a batch, each in the framing that Kafka clients use.

gzip: gzip members. snappy: xerial's framing (magic, two int32 versions, then blocks of int32
length and raw snappy), or raw snappy without any framing, which librdkafka and sarama may send.
lz4: LZ4 frames. zstd: zstandard frames, often without a content size.
Unpacking never makes more than `bytes_max` bytes, so that a small batch cannot eat the memory.
"""

import struct
import zlib
from collections.abc import Callable
from enum import IntEnum

import cramjam
import lz4.frame

from broker.errors import ErrorCode, KafkaError

Buffer = bytes | bytearray | memoryview

DECOMPRESSED_BYTES_MAX = 100 * 1024 * 1024  # socket.request.max.bytes: what could come unpacked

LZ4_FAST = 9  # Kafka's number of the fast compressor: every other one is of the thorough one
_GZIP_WBITS = 31  # zlib: gzip header and trailer
_XERIAL_MAGIC = b"\x82SNAPPY\x00"
_XERIAL_HEADER = _XERIAL_MAGIC + struct.pack(">ii", 1, 1)
_XERIAL_BLOCK_BYTES = 32 * 1024
_LZ4_PIECE = 4  # times the packed size is unpacked at once
_LZ4_PIECE_BYTES_MIN = 4096
_ZSTD_FIRST_GUESS = 8  # times the compressed size


class Codec(IntEnum):
    """Bits 0-2 of a batch's attributes."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


CODEC_BY_NAME = {
    "uncompressed": Codec.NONE,
    "gzip": Codec.GZIP,
    "snappy": Codec.SNAPPY,
    "lz4": Codec.LZ4,
    "zstd": Codec.ZSTD,
}
"""Values of the topic setting compression.type, beside "producer" (keep what comes)."""


def compress(codec: int, data: Buffer, level: int | None = None) -> Buffer:
    """`data` packed by `codec`; ValueError for a codec that does not exist.

    `level`: the effort, in the numbers of Kafka's compression.*.level; None: its default.
    """
    match Codec(codec):
        case Codec.NONE:
            return data
        case Codec.GZIP:
            packer = zlib.compressobj(-1 if level is None else level, wbits=_GZIP_WBITS)
            return packer.compress(data) + packer.flush()
        case Codec.SNAPPY:
            return _compress_xerial(data)
        case Codec.LZ4:
            effort = 0 if level in (None, LZ4_FAST) else level
            return bytes(lz4.frame.compress(data, compression_level=effort, block_linked=False))
        case Codec.ZSTD:
            return bytes(cramjam.zstd.compress(data, level=3 if level is None else level))


def decompress(codec: int, data: Buffer, bytes_max: int = DECOMPRESSED_BYTES_MAX) -> bytes:
    """`data` unpacked; CORRUPT_MESSAGE when it is damaged, cut off or over `bytes_max`."""
    unpack = _UNPACK.get(codec)
    if unpack is None:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"codec {codec} does not exist")
    try:
        unpacked = unpack(data, bytes_max)
    except (zlib.error, RuntimeError, EOFError, ValueError, cramjam.DecompressionError) as error:
        raise _corrupt(codec, f"is damaged: {error}") from error
    if len(unpacked) > bytes_max:
        raise _corrupt(codec, f"unpacks to more than {bytes_max} bytes")
    return unpacked


def _corrupt(codec: int, what: str) -> KafkaError:
    return KafkaError(ErrorCode.CORRUPT_MESSAGE, f"{Codec(codec).name.lower()} data {what}")


def _unpack_nothing(data: Buffer, bytes_max: int) -> bytes:
    return bytes(data)


def _unpack_gzip(data: Buffer, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    rest = bytes(data)
    left = bytes_max + 1
    while rest and left > 0:
        member = zlib.decompressobj(wbits=_GZIP_WBITS)
        parts.append(member.decompress(rest, left))
        left -= len(parts[-1])
        if not member.eof and left > 0:
            raise EOFError("the stream is cut off")
        rest = member.unused_data
    return b"".join(parts)


def _unpack_lz4(data: Buffer, bytes_max: int) -> bytes:
    """In pieces: the room for one is taken from the system before it is known how much comes."""
    parts: list[bytes] = []
    rest: Buffer = data
    left = bytes_max + 1
    piece = max(len(data) * _LZ4_PIECE, _LZ4_PIECE_BYTES_MIN)
    while rest and left > 0:
        frame = lz4.frame.LZ4FrameDecompressor()
        while not frame.eof and left > 0:
            parts.append(frame.decompress(rest, max_length=min(piece, left)))
            left -= len(parts[-1])
            if frame.needs_input and not frame.eof and left > 0:
                raise EOFError("the frame is cut off")
            rest = b""
        rest = frame.unused_data or b""
    return b"".join(parts)


def _unpack_zstd(data: Buffer, bytes_max: int) -> bytes:
    """Into a buffer that doubles until it fits: a frame need not say how long it gets."""
    room = min(max(len(data) * _ZSTD_FIRST_GUESS, 4096), bytes_max + 1)
    while True:
        unpacked = bytearray(room)
        try:
            length = cramjam.zstd.decompress_into(data, unpacked)
        except cramjam.DecompressionError as error:
            if "write whole buffer" not in str(error):
                raise
            if room > bytes_max:
                return bytes(unpacked)
            room = min(room * 4, bytes_max + 1)
            continue
        return bytes(memoryview(unpacked)[:length])


def _compress_xerial(data: Buffer) -> bytes:
    view = memoryview(data)
    parts = [_XERIAL_HEADER]
    for start in range(0, len(view), _XERIAL_BLOCK_BYTES):
        block = bytes(cramjam.snappy.compress_raw(view[start : start + _XERIAL_BLOCK_BYTES]))
        parts.append(struct.pack(">i", len(block)))
        parts.append(block)
    return b"".join(parts)


def _unpack_snappy(data: Buffer, bytes_max: int) -> bytes:
    view = memoryview(data)
    if bytes(view[: len(_XERIAL_MAGIC)]) != _XERIAL_MAGIC:
        return _unpack_raw_snappy(view, bytes_max)
    if len(view) < len(_XERIAL_HEADER):
        raise EOFError("the xerial header is cut off")
    parts: list[bytes] = []
    left = bytes_max + 1
    position = len(_XERIAL_HEADER)
    while position < len(view) and left > 0:
        if len(view) - position < 4:
            raise EOFError("a block length is cut off")
        (length,) = struct.unpack_from(">i", view, position)
        position += 4
        if length < 0 or position + length > len(view):
            raise EOFError(f"block of {length} bytes at {position} of {len(view)}")
        parts.append(_unpack_raw_snappy(view[position : position + length], left))
        left -= len(parts[-1])
        position += length
    return b"".join(parts)


def _unpack_raw_snappy(block: memoryview, bytes_max: int) -> bytes:
    """One raw block; its first bytes, a plain varint, promise the length before it is made."""
    promised = shift = 0
    for byte in block[:5]:
        promised |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if promised > bytes_max:
        raise ValueError(f"promises {promised} bytes, at most {bytes_max} are taken")
    return bytes(cramjam.snappy.decompress_raw(block))


_UNPACK: dict[int, Callable[[Buffer, int], bytes]] = {
    Codec.NONE: _unpack_nothing,
    Codec.GZIP: _unpack_gzip,
    Codec.SNAPPY: _unpack_snappy,
    Codec.LZ4: _unpack_lz4,
    Codec.ZSTD: _unpack_zstd,
}
