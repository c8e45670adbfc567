"""Batches and logs for tests: short to ask for, records told apart by their values."""

import pytest

from broker.errors import ErrorCode, KafkaError
from broker.records.batch import build_batch, iterate
from broker.records.control import ControlType, EndTransactionMarker, build_marker
from broker.records.record import Record, decode_records
from broker.storage.appender import append_many
from broker.storage.files import Files
from broker.storage.log import AppendInfo, AppendRequest, Log, LogConfig, Origin
from broker.storage.log_manager import LogManager

NOW_MS = 1_700_000_000_000
DIRECTORY = "/logs/events-0"
PRODUCER = (7, 0)  # id and epoch


def batch(
    *values: bytes,
    timestamp_ms: int = NOW_MS,
    producer: tuple[int, int] = (-1, -1),
    sequence: int = -1,
    codec: int = 0,
    transactional: bool = False,
) -> memoryview:
    """One batch with a record for each value, all of the same time, without keys."""
    producer_id, epoch = producer
    records = [Record(0, timestamp_ms, None, value) for value in values]
    return memoryview(
        build_batch(
            records,
            producer_id=producer_id,
            producer_epoch=epoch,
            base_sequence=sequence,
            codec=codec,
            transactional=transactional,
        )
    )


def keyed_batch(*pairs: tuple[bytes, bytes | None], timestamp_ms: int = NOW_MS) -> memoryview:
    """One batch of (key, value) records."""
    return memoryview(build_batch([Record(0, timestamp_ms, key, value) for key, value in pairs]))


def open_log(
    files: Files,
    config: LogConfig | None = None,
    *,
    clean: bool = False,
    start: int = 0,
    recovery_point: int = 0,
) -> Log:
    """The log in DIRECTORY, made if it is not there."""
    return Log.open(
        files,
        DIRECTORY,
        ("events", 0),
        config or LogConfig(),
        clean_shutdown=clean,
        recovery_point=recovery_point,
        log_start_offset=start,
        now_ms=NOW_MS,
    )


def code_of(log: Log, records: memoryview) -> ErrorCode:
    """The code with which the log refuses these records."""
    with pytest.raises(KafkaError) as refusal:
        append(log, records)
    return refusal.value.code


def append(
    log: Log,
    records: memoryview,
    *,
    now_ms: int = NOW_MS,
    epoch: int = 0,
    origin: Origin = Origin.CLIENT,
) -> AppendInfo:
    """Append one batch, unflushed; raises the KafkaError with which the log refuses it."""
    (result,) = append_many(log, [AppendRequest(records, epoch, now_ms, origin)])
    if isinstance(result, KafkaError):
        raise result
    return result


def append_marker(
    log: Log,
    producer: tuple[int, int],
    control_type: ControlType,
    coordinator_epoch: int = 0,
) -> AppendInfo:
    marker = build_marker(
        EndTransactionMarker(control_type, coordinator_epoch),
        producer_id=producer[0],
        producer_epoch=producer[1],
        now_ms=NOW_MS,
    )
    return append(log, memoryview(marker), origin=Origin.COORDINATOR)


def checkpoint_all(manager: LogManager, path: str) -> None:
    """What the upkeep does now and then with a log directory."""
    for log in manager.logs_in(path):
        log.checkpoint()
    manager.write_checkpoints(path)


def read_records(log: Log, offset: int | None = None, *, max_bytes: int = 1 << 20) -> list[Record]:
    """All data records from `offset` (default: the start) to the end, by many small reads."""
    at = log.start_offset if offset is None else offset
    records: list[Record] = []
    while True:
        part = log.read(at, max_bytes, end_offset=log.end_offset, minimum_one=True)
        data = part.read()
        if not data:
            return records
        for position, header in iterate(data):
            if not header.is_control:
                found = decode_records(header, memoryview(data)[position:])
                records.extend(record for record in found if record.offset >= at)
            at_next = header.next_offset
        at = at_next


def read_values(log: Log, offset: int | None = None, *, max_bytes: int = 1 << 20) -> list[bytes]:
    return [record.value or b"" for record in read_records(log, offset, max_bytes=max_bytes)]
