"""What a client may append: one sound v2 batch, checked before anything is changed.

Only the header and the CRC are looked at; the records inside are walked for compacted topics
(each needs a key) or when the limits ask for it. Codes as Kafka's LogValidator gives them; what is
stricter here stands in docs/left-out.md.
"""

from dataclasses import dataclass

from broker.errors import ErrorCode, KafkaError
from broker.records.batch import (
    HEADER_BYTES,
    MAGIC,
    MAGIC_POSITION,
    NO_TIMESTAMP,
    corrupt,
    crc_ok,
    unpack_header,
)
from broker.records.compression import Codec
from broker.records.header import LENGTH_OVERHEAD, BatchHeader
from broker.records.record import Record, decode_records

TIMESTAMP_UNBOUNDED_MS = (1 << 63) - 1
_SHOWN = 3
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
    walk_records: bool = False  # look at each record even if no key is required


def validate_produce(
    records: memoryview | None, *, limits: ProduceLimits, now_ms: int
) -> BatchHeader:
    """The header of the one batch in `records`; KafkaError with Kafka's code for anything else."""
    if not records:
        raise KafkaError(ErrorCode.INVALID_RECORD, "no record batch")
    header = _whole_batch(records)
    size = LENGTH_OVERHEAD + header.batch_length
    if size > limits.max_message_bytes:
        raise KafkaError(
            ErrorCode.MESSAGE_TOO_LARGE,
            f"batch of {size} bytes, max.message.bytes is {limits.max_message_bytes}",
        )
    if not crc_ok(records, 0, header):
        raise corrupt(f"crc {header.crc} does not match the batch's bytes")
    _check_header(header)
    if not limits.create_time and header.is_log_append_time:
        raise _bad_clock(header, records)
    if limits.create_time and not _times_are_fine(header, limits, now_ms):
        raise _bad_times(header, records, limits, now_ms)
    if limits.keys_required or limits.walk_records:
        _walk(header, records, limits)
    return header


def _whole_batch(records: memoryview) -> BatchHeader:
    """The header, when exactly one v2 batch fills the buffer."""
    if len(records) > MAGIC_POSITION and 0 <= records[MAGIC_POSITION] < MAGIC:
        raise KafkaError(
            ErrorCode.INVALID_RECORD, f"message format {records[MAGIC_POSITION]} is too old"
        )
    if len(records) < HEADER_BYTES:
        raise KafkaError(ErrorCode.INVALID_RECORD, f"a batch cut off after {len(records)} bytes")
    header = unpack_header(records)
    size = LENGTH_OVERHEAD + header.batch_length
    if size > len(records):
        raise KafkaError(
            ErrorCode.INVALID_RECORD, f"batch of {size} bytes cut off after {len(records)} bytes"
        )
    if size < len(records):
        if len(records) - size < HEADER_BYTES:
            raise corrupt(f"{len(records) - size} bytes after the batch")
        raise KafkaError(ErrorCode.INVALID_RECORD, "more than one batch for a partition")
    return header


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
    if header.producer_id >= 0 and (header.base_sequence < 0 or header.producer_epoch < 0):
        raise KafkaError(
            ErrorCode.INVALID_RECORD,
            f"producer {header.producer_id} with epoch {header.producer_epoch}"
            f" and sequence {header.base_sequence}",
        )
    if header.is_transactional and header.producer_id < 0:
        raise KafkaError(ErrorCode.INVALID_RECORD, "transactional batch without a producer id")
    if header.has_delete_horizon:
        raise KafkaError(ErrorCode.INVALID_RECORD, "clients may not set a delete horizon")


def _times_are_fine(header: BatchHeader, limits: ProduceLimits, now_ms: int) -> bool:
    """The batch's first and largest timestamp stand for all of it (spec: CreateTime is trusted)."""
    return _in_time(header.base_timestamp, limits, now_ms) and _in_time(
        header.max_timestamp, limits, now_ms
    )


def _in_time(timestamp: int, limits: ProduceLimits, now_ms: int) -> bool:
    return timestamp == NO_TIMESTAMP or (
        now_ms - timestamp <= limits.message_timestamp_before_max_ms
        and timestamp - now_ms <= limits.message_timestamp_after_max_ms
    )


def _bad_clock(header: BatchHeader, batch: memoryview) -> RecordsRefused:
    why = "Producer should not set timestamp type to LogAppendTime."
    refused = [
        (index, f"Invalid timestamp type in message with offset {record.offset}. {why}")
        for index, record in enumerate(_sent_records(header, batch))
    ]
    return RecordsRefused(ErrorCode.INVALID_TIMESTAMP, _BAD_TIMESTAMPS, refused)


def _bad_times(
    header: BatchHeader, batch: memoryview, limits: ProduceLimits, now_ms: int
) -> RecordsRefused:
    earliest = now_ms - limits.message_timestamp_before_max_ms
    latest = now_ms + limits.message_timestamp_after_max_ms
    refused = []
    for index, record in enumerate(_sent_records(header, batch)):
        if not _in_time(record.timestamp_ms, limits, now_ms):
            place = f"Timestamp {record.timestamp_ms} of message with offset {record.offset}"
            bounds = f"The timestamp should be within [{earliest}, {latest}]"
            refused.append((index, f"{place} is out of range. {bounds}"))
    return RecordsRefused(ErrorCode.INVALID_TIMESTAMP, _BAD_TIMESTAMPS, refused)


def _walk(header: BatchHeader, batch: memoryview, limits: ProduceLimits) -> None:
    keyless = []
    for delta, record in enumerate(_sent_records(header, batch)):
        if record.offset != delta:
            raise KafkaError(
                ErrorCode.INVALID_RECORD, f"record {delta} has offset delta {record.offset}"
            )
        if limits.keys_required and record.key is None:
            keyless.append((delta, "Compacted topic cannot accept message without key"))
    if keyless:
        shown = ", ".join(f"record {index}: {why}" for index, why in keyless[:_SHOWN])
        raise RecordsRefused(
            ErrorCode.INVALID_RECORD,
            f"One or more records have been rejected due to {len(keyless)} record errors in total,"
            f" and only showing the first three errors at most: [{shown}]",
            keyless,
        )


def _sent_records(header: BatchHeader, batch: memoryview) -> list[Record]:
    """The records; damage under a right CRC is the producer's, which must not send it again."""
    try:
        return decode_records(header, batch)
    except KafkaError as damage:
        raise KafkaError(ErrorCode.INVALID_RECORD, damage.message) from damage
