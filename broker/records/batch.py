"""RecordBatch v2 (magic 2, KIP-98): the header as a view over bytes, CRC-32C, and building one.

 0 base_offset i64 | 8 batch_length i32 (bytes after this field) | 12 partition_leader_epoch i32
16 magic i8 | 17 crc u32 (CRC-32C of byte 21 to the end) | 21 attributes i16
23 last_offset_delta i32 | 27 base_timestamp i64 | 35 max_timestamp i64 | 43 producer_id i64
51 producer_epoch i16 | 53 base_sequence i32 | 57 record_count i32 | 61 records

Base offset and leader epoch lie outside the CRC, so that a broker sets them without touching the
rest. attributes: bits 0-2 codec, 3 log append time, 4 transactional, 5 control, 6 the base
timestamp is a delete horizon (KIP-534).
"""

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import NamedTuple

from crc32c import crc32c

from broker.errors import ErrorCode, KafkaError
from broker.records.compression import Codec, compress
from broker.records.header import (
    CONTROL_BIT,
    LENGTH_OVERHEAD,
    NO_SEQUENCE,
    TRANSACTIONAL_BIT,
    BatchHeader,
)
from broker.records.record import Record, encode_records

Buffer = bytes | bytearray | memoryview

HEADER = Struct(">qiibIhiqqqhii")
HEADER_BYTES = 61
CRC_START = 21  # first byte that the CRC covers
MAGIC = 2
MAGIC_POSITION = 16
ATTRIBUTES_POSITION = 22  # their low byte

NO_TIMESTAMP = -1
NO_PRODUCER_ID = -1
NO_PRODUCER_EPOCH = -1

_COVERED = Struct(">hiqqqhii")  # the header from the attributes on: what the CRC covers of it
_UNCOVERED = Struct(">qiibI")


class BatchFields(NamedTuple):
    """What `assemble` puts around encoded records; sizes and CRC are computed."""

    base_offset: int
    leader_epoch: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int


def corrupt(message: str) -> KafkaError:
    """The refusal for bytes that are not a whole, sound batch."""
    return KafkaError(ErrorCode.CORRUPT_MESSAGE, message)


def read_header(buffer: Buffer, position: int = 0) -> BatchHeader:
    """The header at `position`; KafkaError CORRUPT_MESSAGE if no v2 batch can start there.

    Only the header must be in the buffer, not the records. The CRC is not looked at.
    """
    header = unpack_header(buffer, position)
    if header.last_offset_delta < 0 or header.record_count < 0:
        raise corrupt(
            f"last offset delta {header.last_offset_delta}, record count {header.record_count}"
            f" at {position}"
        )
    return header


def unpack_header(buffer: Buffer, position: int = 0) -> BatchHeader:
    """As `read_header`, whatever the header says of the number of its records."""
    if len(buffer) - position < HEADER_BYTES:
        raise corrupt(
            f"{len(buffer) - position} bytes at {position}, a batch header has {HEADER_BYTES}"
        )
    header = BatchHeader._make(HEADER.unpack_from(buffer, position))
    if header.magic != MAGIC:
        raise corrupt(f"magic {header.magic} at {position}, not {MAGIC}")
    if header.batch_length < HEADER_BYTES - LENGTH_OVERHEAD:
        raise corrupt(f"batch length {header.batch_length} at {position} is below a header's")
    return header


def crc_ok(buffer: Buffer, position: int, header: BatchHeader) -> bool:
    """Whether the whole batch lies in the buffer and its bytes have the CRC they claim."""
    end = position + LENGTH_OVERHEAD + header.batch_length
    if end > len(buffer):
        return False
    view = buffer if isinstance(buffer, memoryview) else memoryview(buffer)
    return bool(crc32c(view[position + CRC_START : end]) == header.crc)


def iterate(buffer: Buffer) -> Iterator[tuple[int, BatchHeader]]:
    """Position and header of each batch; KafkaError CORRUPT_MESSAGE when one is cut off."""
    position = 0
    end = len(buffer)
    while position < end:
        header = read_header(buffer, position)
        if position + header.size_bytes > end:
            raise corrupt(
                f"batch of {header.size_bytes} bytes at {position} in a buffer of {end} bytes"
            )
        yield position, header
        position += header.size_bytes


def assemble(fields: BatchFields, body: Buffer) -> bytes:
    """A whole batch from its fields and its records as they shall lie there (compressed or not)."""
    covered = _COVERED.pack(*fields[2:])
    crc = crc32c(body, crc32c(covered))
    length = HEADER_BYTES - LENGTH_OVERHEAD + len(body)
    uncovered = _UNCOVERED.pack(fields.base_offset, length, fields.leader_epoch, MAGIC, crc)
    return b"".join((uncovered, covered, body))


def fields_of(header: BatchHeader) -> BatchFields:
    """The fields to assemble a changed batch from."""
    return BatchFields(header.base_offset, header.partition_leader_epoch, *header[5:])


def build_batch(
    records: Sequence[Record],
    *,
    base_offset: int = 0,
    leader_epoch: int = -1,
    producer_id: int = NO_PRODUCER_ID,
    producer_epoch: int = NO_PRODUCER_EPOCH,
    base_sequence: int = NO_SEQUENCE,
    codec: int = Codec.NONE,
    transactional: bool = False,
    control: bool = False,
) -> bytes:
    """One batch of `records`, numbered from `base_offset` on in their order.

    The offsets inside the records are not looked at; their timestamps are kept (CreateTime).
    """
    if not records:
        raise ValueError("a batch is built from at least one record")
    base_timestamp = records[0].timestamp_ms
    body = encode_records(records, base_timestamp)
    attributes = int(codec)
    if transactional:
        attributes |= TRANSACTIONAL_BIT
    if control:
        attributes |= CONTROL_BIT
    fields = BatchFields(
        base_offset=base_offset,
        leader_epoch=leader_epoch,
        attributes=attributes,
        last_offset_delta=len(records) - 1,
        base_timestamp=base_timestamp,
        max_timestamp=max(record.timestamp_ms for record in records),
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        base_sequence=base_sequence,
        record_count=len(records),
    )
    return assemble(fields, compress(codec, body))
