"""What a client may append: one sound v2 batch, checked before anything is changed.

Only the header and the CRC are looked at; the records inside are walked for compacted topics
(each needs a key) or when the limits ask for it. Codes as Kafka's LogValidator gives them.
"""

from dataclasses import dataclass

from broker.errors import ErrorCode, KafkaError
from broker.records.batch import (
    HEADER_BYTES,
    LENGTH_OVERHEAD,
    MAGIC,
    MAGIC_POSITION,
    NO_TIMESTAMP,
    BatchHeader,
    corrupt,
    crc_ok,
    read_header,
)
from broker.records.compression import Codec
from broker.records.record import decode_records

TIMESTAMP_UNBOUNDED_MS = (1 << 63) - 1


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
    if limits.create_time:
        _check_timestamps(header, limits, now_ms)
    if limits.keys_required or limits.walk_records:
        _walk(header, records, limits)
    return header


def _whole_batch(records: memoryview) -> BatchHeader:
    """The header, when exactly one v2 batch fills the buffer."""
    if len(records) > MAGIC_POSITION and 0 <= records[MAGIC_POSITION] < MAGIC:
        raise KafkaError(
            ErrorCode.INVALID_RECORD, f"message format {records[MAGIC_POSITION]} is too old"
        )
    header = read_header(records)
    size = LENGTH_OVERHEAD + header.batch_length
    if size > len(records):
        raise corrupt(f"batch of {size} bytes in {len(records)} bytes")
    if size < len(records):
        if len(records) - size < HEADER_BYTES:
            raise corrupt(f"{len(records) - size} bytes after the batch")
        raise KafkaError(ErrorCode.INVALID_RECORD, "more than one batch for a partition")
    return header


def _check_header(header: BatchHeader) -> None:
    if header.is_control:
        raise KafkaError(ErrorCode.INVALID_RECORD, "clients may not write control batches")
    if header.record_count != header.last_offset_delta + 1 or header.record_count <= 0:
        raise KafkaError(
            ErrorCode.INVALID_RECORD,
            f"record count {header.record_count}, last offset delta {header.last_offset_delta}",
        )
    if header.codec > Codec.ZSTD:
        raise KafkaError(ErrorCode.INVALID_RECORD, f"codec {header.codec} does not exist")
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


def _check_timestamps(header: BatchHeader, limits: ProduceLimits, now_ms: int) -> None:
    """The batch's first and largest timestamp stand for all of it (spec: CreateTime is trusted)."""
    for timestamp in (header.base_timestamp, header.max_timestamp):
        if timestamp == NO_TIMESTAMP:
            continue
        if (
            now_ms - timestamp > limits.message_timestamp_before_max_ms
            or timestamp - now_ms > limits.message_timestamp_after_max_ms
        ):
            raise KafkaError(
                ErrorCode.INVALID_TIMESTAMP,
                f"timestamp {timestamp} is more than {limits.message_timestamp_before_max_ms} ms"
                f" before or {limits.message_timestamp_after_max_ms} ms after {now_ms}",
            )


def _walk(header: BatchHeader, batch: memoryview, limits: ProduceLimits) -> None:
    for delta, record in enumerate(decode_records(header, batch)):
        if record.offset != header.base_offset + delta:
            raise KafkaError(
                ErrorCode.INVALID_RECORD,
                f"record {delta} has offset delta {record.offset - header.base_offset}",
            )
        if limits.keys_required and record.key is None:
            raise KafkaError(
                ErrorCode.INVALID_RECORD, f"record {delta} has no key, a compacted topic needs one"
            )
