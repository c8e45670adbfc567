"""What a client may append: one sound v2 batch, checked before anything is changed.

First the header and the CRC, then the records inside, unpacked if need be (survey.py). Codes as
Kafka's LogValidator gives them; what is stricter here stands in docs/left-out.md.
"""

from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from broker.errors import ErrorCode, KafkaError
from broker.records.batch import (
    ATTRIBUTES_POSITION,
    HEADER_BYTES,
    MAGIC,
    MAGIC_POSITION,
    NO_TIMESTAMP,
    assemble,
    corrupt,
    crc_ok,
    fields_of,
    unpack_header,
)
from broker.records.compression import Codec
from broker.records.header import (
    LENGTH_OVERHEAD,
    LOG_APPEND_TIME_BIT,
    TRANSACTIONAL_BIT,
    BatchHeader,
)
from broker.records.record import Record, decode_records, unpacked
from broker.records.survey import survey

TIMESTAMP_UNBOUNDED_MS = (1 << 63) - 1
_SHOWN = 3
OLDEST_HEADER_BYTES = 14  # behind the length, in the message format of Kafka 0.8
_LENGTH = Struct(">i")
_SIGNED = Struct(">b")
_LENGTH_POSITION = 8
_NOT_ITS_CLOCK = "timestamp type to LogAppendTime"
_BAD_TIMESTAMPS = "One or more records have been rejected due to invalid timestamp"


class RecordsRefused(KafkaError):
    """A batch refused for some of its records; `records` tells which (by index in it) and why."""

    def __init__(self, code: ErrorCode, message: str, records: list[tuple[int, str]]) -> None:
        super().__init__(code, message)
        self.records = records


@dataclass(frozen=True, slots=True)
class ProduceLimits:
    """The topic's bounds on a batch; names and defaults are those of Kafka's topic settings."""

    max_message_bytes: int = 1048588
    message_timestamp_before_max_ms: int = TIMESTAMP_UNBOUNDED_MS
    message_timestamp_after_max_ms: int = 3600000  # KIP-937
    create_time: bool = True  # False: LogAppendTime, the client's timestamps do not matter
    keys_required: bool = False  # cleanup.policy has compact


class Validated(NamedTuple):
    """A batch that may be appended: its header, and its bytes alone."""

    header: BatchHeader
    batch: memoryview


def validate_produce(
    records: memoryview | None, *, limits: ProduceLimits, now_ms: int
) -> Validated:
    """The one batch in `records`; KafkaError with Kafka's code for anything else.

    Its header then says what its records are: a wrong max_timestamp is put right.
    """
    if not records:
        raise KafkaError(ErrorCode.INVALID_RECORD, "no record batch")
    header, batch = first_batch(records)
    if len(batch) > limits.max_message_bytes:
        raise KafkaError(
            ErrorCode.MESSAGE_TOO_LARGE,
            f"batch of {len(batch)} bytes, max.message.bytes is {limits.max_message_bytes}",
        )
    if not crc_ok(batch, 0, header):
        raise corrupt(f"crc {header.crc} does not match the batch's bytes")
    _check_header(header)
    latest_ms = _look_inside(header, batch, limits, now_ms)
    if limits.create_time and (latest_ms != header.max_timestamp or header.is_log_append_time):
        return _put_right(header, batch, latest_ms)
    return Validated(header, batch)


def begins_transactional(records: memoryview) -> bool:
    """Whether the first batch says that it is part of a transaction; CORRUPT_MESSAGE: it is none.

    Nothing else of it is looked at.
    """
    return (
        _size_of_batch(records) is not None
        and records[MAGIC_POSITION] == MAGIC
        and len(records) > ATTRIBUTES_POSITION
        and records[ATTRIBUTES_POSITION] & TRANSACTIONAL_BIT != 0
    )


def first_batch(records: memoryview) -> tuple[BatchHeader, memoryview]:
    """The only whole v2 batch; Kafka drops what follows it, unless that is one more."""
    size = _size_of_batch(records)
    if size is None:
        raise KafkaError(ErrorCode.INVALID_RECORD, f"a batch cut off after {len(records)} bytes")
    if records[MAGIC_POSITION] < MAGIC:
        raise KafkaError(
            ErrorCode.INVALID_RECORD, f"message format {records[MAGIC_POSITION]} is too old"
        )
    if _size_of_batch(records[size:]) is not None:
        raise KafkaError(ErrorCode.INVALID_RECORD, "more than one batch for a partition")
    return unpack_header(records), records[:size]


def _size_of_batch(records: memoryview) -> int | None:
    """Bytes of the batch at the beginning of `records`, of any format; None: it is cut off."""
    if len(records) < LENGTH_OVERHEAD:
        return None
    (length,) = _LENGTH.unpack_from(records, _LENGTH_POSITION)
    if length < OLDEST_HEADER_BYTES:
        raise corrupt(
            f"Record size {length} is less than the minimum record overhead ({OLDEST_HEADER_BYTES})"
        )
    if len(records) <= MAGIC_POSITION:
        return None
    if records[MAGIC_POSITION] > MAGIC:  # those above 127 are below zero to Kafka
        raise corrupt(
            f"Invalid magic found in record: {_SIGNED.unpack_from(records, MAGIC_POSITION)[0]}"
        )
    size = LENGTH_OVERHEAD + int(length)
    return None if size > len(records) else size


def _check_header(header: BatchHeader) -> None:
    if header.base_offset != 0:
        raise KafkaError(ErrorCode.INVALID_RECORD, f"base offset {header.base_offset}, not 0")
    if header.is_control:
        raise KafkaError(ErrorCode.INVALID_RECORD, "clients may not write control batches")
    if header.record_count != header.last_offset_delta + 1 or header.record_count <= 0:
        raise KafkaError(
            ErrorCode.INVALID_RECORD,
            f"record count {header.record_count}, last offset delta {header.last_offset_delta}",
        )
    if header.codec > Codec.ZSTD:  # Kafka trips over it: no code of its own
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, f"codec {header.codec} does not exist")
    if header.producer_id >= 0 and header.base_sequence < 0:
        raise KafkaError(
            ErrorCode.INVALID_RECORD,
            f"producer {header.producer_id} with sequence {header.base_sequence}",
        )
    if header.is_transactional and header.producer_id < 0:
        raise KafkaError(ErrorCode.INVALID_RECORD, "transactional batch without a producer id")


def _look_inside(header: BatchHeader, batch: memoryview, limits: ProduceLimits, now_ms: int) -> int:
    """The latest timestamp of the records, none of which is unsound, late or without its key."""
    try:
        body = unpacked(header, batch)
    except KafkaError as damage:
        raise KafkaError(ErrorCode.INVALID_RECORD, damage.message) from damage
    delta_ms = survey(body, header.record_count, keys=limits.keys_required)
    if (
        delta_ms is not None
        and not header.is_log_append_time
        and limits.message_timestamp_before_max_ms == TIMESTAMP_UNBOUNDED_MS
        and header.base_timestamp + delta_ms <= now_ms + limits.message_timestamp_after_max_ms
    ):
        return header.base_timestamp + delta_ms
    return _look_at_each(decode_records(header, batch), header, limits, now_ms)


def _look_at_each(
    records: list[Record], header: BatchHeader, limits: ProduceLimits, now_ms: int
) -> int:
    """As `_look_inside`, when there may be something wrong with sound records."""
    code = ErrorCode.INVALID_RECORD
    faults = []
    for index, record in enumerate(records):
        if limits.keys_required and record.key is None:
            faults.append((index, "Compacted topic cannot accept message without key"))
        elif not limits.create_time and header.is_log_append_time:
            code = ErrorCode.INVALID_TIMESTAMP
            place = f"Invalid timestamp type in message with offset {record.offset}"
            faults.append((index, f"{place}. Producer should not set {_NOT_ITS_CLOCK}."))
        elif limits.create_time and not _in_time(record.timestamp_ms, limits, now_ms):
            code = ErrorCode.INVALID_TIMESTAMP
            faults.append((index, _out_of_range(record, limits, now_ms)))
    if not faults:
        return max(NO_TIMESTAMP, max(record.timestamp_ms for record in records))
    if code is ErrorCode.INVALID_TIMESTAMP:
        raise RecordsRefused(code, _BAD_TIMESTAMPS, faults)
    shown = ", ".join(f"RecordError(batchIndex={n}, message='{why}')" for n, why in faults[:_SHOWN])
    raise RecordsRefused(
        code,
        f"One or more records have been rejected due to {len(faults)} record errors in total,"
        f" and only showing the first three errors at most: [{shown}]",
        faults,
    )


def _in_time(timestamp: int, limits: ProduceLimits, now_ms: int) -> bool:
    return timestamp == NO_TIMESTAMP or (
        now_ms - timestamp <= limits.message_timestamp_before_max_ms
        and timestamp - now_ms <= limits.message_timestamp_after_max_ms
    )


def _out_of_range(record: Record, limits: ProduceLimits, now_ms: int) -> str:
    earliest = now_ms - limits.message_timestamp_before_max_ms
    latest = now_ms + limits.message_timestamp_after_max_ms
    place = f"Timestamp {record.timestamp_ms} of message with offset {record.offset}"
    return f"{place} is out of range. The timestamp should be within [{earliest}, {latest}]"


def _put_right(header: BatchHeader, batch: memoryview, latest_ms: int) -> Validated:
    """The batch as it would be, had its producer filled in the header as its records are."""
    attributes = header.attributes & ~LOG_APPEND_TIME_BIT
    fields = fields_of(header)._replace(attributes=attributes, max_timestamp=latest_ms)
    right = memoryview(assemble(fields, batch[HEADER_BYTES:]))
    return Validated(unpack_header(right), right)
