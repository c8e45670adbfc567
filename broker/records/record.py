"""Records inside a batch v2.

Record: varint length of what follows | attributes i8 (0) | varlong timestamp delta
      | varint offset delta | varint key length (-1 null), key
      | varint value length (-1 null), value
      | varint header count | headers: varint key length, UTF-8 key, varint value length (-1), value
All varints are zig-zag (sint32/sint64 of Protocol Buffers).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from broker.errors import ErrorCode, KafkaError
from broker.records.compression import DECOMPRESSED_BYTES_MAX, decompress
from broker.records.header import BatchHeader

_VARINT_BYTES_MAX = 10
_ATTRIBUTES = b"\x00"
_NULL_LENGTH = b"\x01"  # zig-zag of -1
_AS_IT_CAME = "surrogateescape"  # the keys of headers should be UTF-8, and nobody checks it


class Record(NamedTuple):
    """One record; `offset` and `timestamp_ms` are absolute. Headers may repeat a key."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def encode_varint(value: int) -> bytes:
    """Zig-zag varint of a signed number of up to 64 bits."""
    zigzag = (value << 1) ^ (value >> 63)
    if zigzag < 0x80:
        return bytes((zigzag,))
    encoded = bytearray()
    while zigzag >= 0x80:
        encoded.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    encoded.append(zigzag)
    return bytes(encoded)


def decode_varint(data: bytes | memoryview, position: int) -> tuple[int, int]:
    """(value, position after it); CORRUPT_MESSAGE when it is cut off or over ten bytes long."""
    shift = result = 0
    for index in range(position, min(position + _VARINT_BYTES_MAX, len(data))):
        byte = data[index]
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            if result >> 64:
                break
            return (result >> 1) ^ -(result & 1), index + 1
        shift += 7
    raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"varint at {position} is cut off or too long")


def _prefixed(data: bytes | None) -> bytes:
    return _NULL_LENGTH if data is None else encode_varint(len(data)) + data


def encode_record(record: Record, timestamp_delta: int, offset_delta: int) -> bytes:
    """One record with its length before it."""
    parts = [
        _ATTRIBUTES,
        encode_varint(timestamp_delta),
        encode_varint(offset_delta),
        _prefixed(record.key),
        _prefixed(record.value),
        encode_varint(len(record.headers)),
    ]
    for key, value in record.headers:
        parts.append(_prefixed(key.encode(errors=_AS_IT_CAME)))
        parts.append(_prefixed(value))
    body = b"".join(parts)
    return encode_varint(len(body)) + body


def encode_records(records: Sequence[Record], base_timestamp: int) -> bytes:
    """Records of a new batch, uncompressed: their offset deltas count from 0."""
    return b"".join(
        encode_record(record, record.timestamp_ms - base_timestamp, delta)
        for delta, record in enumerate(records)
    )


def encode_kept_records(records: Iterable[Record], base_offset: int, base_timestamp: int) -> bytes:
    """Records that keep their offsets (compaction), uncompressed."""
    return b"".join(
        encode_record(record, record.timestamp_ms - base_timestamp, record.offset - base_offset)
        for record in records
    )


def body_of(
    header: BatchHeader,
    batch: bytes | bytearray | memoryview,
    bytes_max: int = DECOMPRESSED_BYTES_MAX,
) -> bytes:
    """The records of a whole batch, decompressed; CORRUPT_MESSAGE when they do not unpack."""
    view = memoryview(batch)[61 : header.size_bytes]
    return decompress(header.codec, view, bytes_max)


def unpacked(header: BatchHeader, batch: memoryview) -> bytes | memoryview:
    """`body_of`, uncopied where nothing is packed."""
    return body_of(header, batch) if header.codec else batch[61 : header.size_bytes]


def decode_records(header: BatchHeader, batch: bytes | bytearray | memoryview) -> list[Record]:
    """All records of a whole batch, with absolute offsets and timestamps.

    With LogAppendTime every record has the batch's max_timestamp. Raises KafkaError
    CORRUPT_MESSAGE when the bytes hold other than `record_count` records.
    """
    data = body_of(header, batch)
    records = []
    position = 0
    for _ in range(header.record_count):
        record, position = _decode_record(data, position, header)
        records.append(record)
    if position != len(data):
        raise _corrupt(f"{len(data) - position} bytes after {header.record_count} records")
    return records


def _decode_record(data: bytes, position: int, header: BatchHeader) -> tuple[Record, int]:
    length, position = decode_varint(data, position)
    end = position + length
    if length < 0 or end > len(data):
        raise _corrupt(f"record of {length} bytes at {position} of {len(data)}")
    timestamp_delta, position = decode_varint(data, position + 1)
    offset_delta, position = decode_varint(data, position)
    key, position = _decode_bytes(data, position, end)
    value, position = _decode_bytes(data, position, end)
    count, position = decode_varint(data, position)
    if count < 0 or count > end - position:
        raise _corrupt(f"{count} headers in {end - position} bytes")
    headers = []
    for _ in range(count):
        header_key, position = _decode_bytes(data, position, end)
        header_value, position = _decode_bytes(data, position, end)
        if header_key is None:
            raise _corrupt("a header without a key")
        headers.append((header_key.decode(errors=_AS_IT_CAME), header_value))
    if position != end:
        raise _corrupt(f"record ends at {position}, its length says {end}")
    timestamp = header.base_timestamp + timestamp_delta
    if header.is_log_append_time:
        timestamp = header.max_timestamp
    offset = header.base_offset + offset_delta
    return Record(offset, timestamp, key, value, tuple(headers)), end


def _decode_bytes(data: bytes, position: int, end: int) -> tuple[bytes | None, int]:
    length, position = decode_varint(data, position)
    if length < 0:  # -1 as clients write it; Kafka takes every other one for it
        return None, position
    if position + length > end:
        raise _corrupt(f"{length} bytes at {position} in a record that ends at {end}")
    return data[position : position + length], position + length


def _corrupt(message: str) -> KafkaError:
    return KafkaError(ErrorCode.CORRUPT_MESSAGE, message)
