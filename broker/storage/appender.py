"""Puts batches at the end of a log: decides on each, gives it its offset, writes all at once.

For the one thread that may append to the log. Nothing is flushed here.
"""

from collections.abc import Sequence

from broker.errors import ErrorCode, KafkaError, StorageError
from broker.records.batch import crc_ok, iterate, read_header
from broker.records.control import read_marker
from broker.records.header import LENGTH_OVERHEAD, BatchHeader
from broker.records.validate import validate_produce
from broker.storage import producer_recovery
from broker.storage.append import (
    CLIENTS,
    NO_TIMESTAMP,
    AppendGroup,
    AppendInfo,
    AppendRequest,
    Origin,
    Placement,
    StagedBatch,
    duplicate_of,
    place,
    place_as_sent,
)
from broker.storage.log import Log
from broker.storage.segment import RELATIVE_OFFSET_MAX
from broker.storage.tail_map import Appended


def append_many(log: Log, requests: Sequence[AppendRequest]) -> list[AppendInfo | KafkaError]:
    """Append batches in order with as few writes as possible; each has its own answer.

    A full disk refuses all that would have gone out in the same write.
    """
    group = AppendGroup(log.end_offset, requests[0].now_ms)
    log.producer_state.begin()
    for request in requests:
        try:
            info = _stage(log, request, group)
        except KafkaError as refusal:
            group.results.append(refusal)
        else:
            group.results.append(info)
    try:
        _write(log, group)
    except KafkaError:
        pass  # the group's results have it
    log.producer_state.keep()
    return group.results


def append_as_follower(log: Log, records: memoryview, now_ms: int) -> int:
    """Append whole batches of the leader as they are, with their offsets; the new end.

    CORRUPT_MESSAGE for a bad CRC, StorageError for offsets that do not follow on.
    """
    for position, header in iterate(records):
        if not crc_ok(records, position, header):
            raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"crc at byte {position}")
        if header.base_offset < log.end_offset:
            raise StorageError(
                f"{log.directory}: offset {header.base_offset} comes after {log.end_offset}"
            )
        batch = records[position : position + header.size_bytes]
        group = AppendGroup(log.end_offset, now_ms)
        log.producer_state.begin()
        if _must_roll(log, header, 0, now_ms):
            log.roll_at(header.base_offset, now_ms)
        log.leader_epochs.assign(header.partition_leader_epoch, header.base_offset)
        aborted = producer_recovery.apply_batch(log.producer_state, header, batch, now_ms)
        _queue(log, group, StagedBatch(header, [batch], aborted))
        _write(log, group)
        log.producer_state.keep()
    return log.end_offset


def _stage(log: Log, request: AppendRequest, group: AppendGroup) -> AppendInfo:
    """Decide on one batch, give it its offsets, and queue it for the group's write."""
    records, state = request.records, log.producer_state
    if request.origin in CLIENTS:
        header, records = validate_produce(records, limits=log.limits, now_ms=request.now_ms)
        if header.producer_id >= 0:
            duplicate = state.check(header, begins_at_zero=request.origin is Origin.JOINING)
            if duplicate is not None:
                append_time = duplicate.timestamp if log.config.log_append_time else NO_TIMESTAMP
                return duplicate_of(duplicate, append_time, log.start_offset)
    else:
        header = read_header(records)
    marker = read_marker(header, records) if header.is_control else None
    if marker is not None:
        state.check_marker(header, marker)
    base_offset, leader_epoch = group.end_offset, request.leader_epoch
    if log.stored_as_sent:
        header, chunks = place_as_sent(header, records, base_offset, leader_epoch)
    else:
        placement = Placement(base_offset, leader_epoch, request.now_ms)
        header, chunks = place(header, records, log.config, placement)
    if _must_roll(log, header, group.staged_bytes, request.now_ms):
        _write(log, group)
        log.roll_at(base_offset, request.now_ms)
    if leader_epoch > log.leader_epochs.latest:
        log.leader_epochs.assign(leader_epoch, base_offset)
    aborted = None
    if marker is not None:
        aborted = state.apply_marker(header, marker, request.now_ms)
    elif header.producer_id >= 0:
        state.apply(header, request.now_ms)
    return _queue(log, group, StagedBatch(header, chunks, aborted))


def _queue(log: Log, group: AppendGroup, batch: StagedBatch) -> AppendInfo:
    header = batch.header
    size = LENGTH_OVERHEAD + header.batch_length
    last_offset = header.base_offset + header.last_offset_delta
    group.staged.append(batch)
    group.staged_bytes += size
    group.end_offset = last_offset + 1
    append_time = NO_TIMESTAMP
    if not log.stored_as_sent and log.config.log_append_time:
        append_time = header.max_timestamp
    return AppendInfo(header.base_offset, last_offset, append_time, log.start_offset, False, size)


def _write(log: Log, group: AppendGroup) -> None:
    """Put the staged batches behind the last one; KafkaError if the disk is full."""
    if not group.staged:
        return
    segment = log.active_segment
    try:
        for batch in group.staged:
            if batch.aborted is not None:
                # before the marker: a marker without its entry would show aborted records
                segment.transaction_index.append(batch.aborted)
                log.syncing.names_changed()
        if len(group.staged) == 1:
            position = segment.file.append(group.staged[0].chunks)
        else:
            position = segment.file.append(
                [chunk for batch in group.staged for chunk in batch.chunks]
            )
    except KafkaError as refusal:
        log.producer_state.undo()
        segment.transaction_index.truncate_at(log.end_offset)
        group.failed(refusal, log.end_offset)
        log.producer_state.begin()
        raise
    appended: list[Appended] = []
    for header, _, _ in group.staged:
        size = LENGTH_OVERHEAD + header.batch_length
        last_offset = header.base_offset + header.last_offset_delta
        appended.append((header.base_offset, last_offset, position, size, header.max_timestamp))
        position += size
    segment.appended(appended, log.config.index_interval_bytes)
    log.appended(group.end_offset, position, group.now_ms)
    log.producer_state.begin()
    group.written()


def _must_roll(log: Log, header: BatchHeader, staged_bytes: int, now_ms: int) -> bool:
    segment, config = log.active_segment, log.config
    used = segment.size + staged_bytes
    if used == 0:
        return False
    last_offset = header.base_offset + header.last_offset_delta
    return (
        used + LENGTH_OVERHEAD + header.batch_length > config.segment_bytes
        or segment.age_ms(header.max_timestamp, now_ms) >= log.roll_ms
        or segment.index_is_full(config.segment_index_bytes)
        or last_offset - segment.base_offset > RELATIVE_OFFSET_MAX
    )
