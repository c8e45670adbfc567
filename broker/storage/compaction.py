"""Compaction: of each key only the newest record stays (KIP-58, KIP-354, KIP-534).

Two passes over the finished segments. The first maps each key of the part not yet cleaned to its
last offset. The second writes every segment anew without the records that a newer one replaces,
in `.cleaned` files that hold several small segments. `clean` only reads the log and may run beside
appends; `install` puts the result in place and belongs in the writer's thread.

Offsets never change and batches keep their ids, sequences and offset ranges. A tombstone stays
until its delete horizon, which the first pass that meets it writes into the batch.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from broker.errors import KafkaError, StorageError
from broker.records.header import BatchHeader
from broker.records.record import Record, decode_records
from broker.storage import compaction_swap
from broker.storage.batch_cleaner import AbortedRanges, BatchCleaner, CleaningTimes, KeyMap
from broker.storage.files import Buffer, Files
from broker.storage.log import Log
from broker.storage.log_reader import segment_slot
from broker.storage.segment import (
    CLEANED_SUFFIX,
    LOG_SUFFIX,
    RELATIVE_OFFSET_MAX,
    SWAP_SUFFIX,
    Segment,
)

MAP_KEYS_MAX = 2_000_000  # distinct keys of one pass; a log with more is cleaned in several
_WRITE_BYTES = 1024 * 1024  # gathered before they are written


@dataclass(frozen=True, slots=True)
class Bounds:
    """Up to where a log may be cleaned, and when that is."""

    first_dirty_offset: int  # as the last pass left it
    high_watermark: int
    now_ms: int


@dataclass(frozen=True, slots=True)
class CleanedSegment:
    """One new segment and the neighbours that it replaces."""

    segment: Segment
    replaces: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A pass that waits to be installed."""

    segments: tuple[CleanedSegment, ...]
    first_dirty_offset: int


def cleanable(log: Log, bounds: Bounds) -> tuple[Segment, ...]:
    """Finished segments below every open transaction and the watermark, old enough to clean."""
    end = min(log.last_stable_offset(bounds.high_watermark), bounds.high_watermark)
    young_ms = bounds.now_ms - log.config.min_compaction_lag_ms
    row = log.segments
    for number, segment in enumerate(row):
        is_active = number + 1 == len(row)
        if is_active or row[number + 1].base_offset > end:
            return row[:number]
        if log.config.min_compaction_lag_ms > 0 and segment.largest_timestamp() > young_ms:
            return row[:number]
    return ()


def is_due(log: Log, bounds: Bounds) -> bool:
    """Whether enough of the log is dirty, or something dirty has become too old."""
    segments = cleanable(log, bounds)
    dirty = _dirty_part(segments, bounds.first_dirty_offset)
    dirty_bytes = sum(segment.size for segment in dirty)
    if not log.config.compacts or dirty_bytes == 0:
        return False
    total_bytes = sum(segment.size for segment in segments)
    if dirty_bytes > log.config.min_cleanable_dirty_ratio * total_bytes:  # 1.0: by age alone
        return True
    oldest = dirty[0].first_batch_timestamp()
    return 0 <= oldest < bounds.now_ms - log.config.max_compaction_lag_ms


def _dirty_part(segments: Sequence[Segment], first_dirty_offset: int) -> list[Segment]:
    """The segments from the one that has the offset on; all if none can have it any more."""
    if not segments or first_dirty_offset <= segments[0].base_offset:
        return list(segments)
    slot = segment_slot(segments, first_dirty_offset)
    begins_there = segments[slot].base_offset == first_dirty_offset
    reaches_there = segments[slot].position_of(first_dirty_offset) < segments[slot].size
    return list(segments[slot:] if begins_there or reaches_there else segments[slot + 1 :])


def clean(files: Files, log: Log, bounds: Bounds) -> Cleaned | None:
    """Write the cleaned segments beside the log; None if there is nothing to clean.

    KafkaError when the disk is full: what was written is removed again.
    """
    segments = cleanable(log, bounds)
    dirty = _dirty_part(segments, bounds.first_dirty_offset)
    if not dirty:
        return None
    aborted = AbortedRanges(
        entry for segment in segments for entry in segment.transaction_index.entries
    )
    newest, end_offset = _map_keys(log, dirty, aborted)
    segments = tuple(segment for segment in segments if segment.base_offset < end_offset)
    times = CleaningTimes(bounds.now_ms, log.config.delete_retention_ms)
    cleaner = BatchCleaner(newest, aborted, log.producer_state.entries, times)
    made: list[CleanedSegment] = []
    try:
        made.extend(
            _write_group(files, log, group, cleaner)
            for group in _groups(segments, log.config.segment_bytes)
        )
    except (KafkaError, StorageError):
        for cleaned in made:
            cleaned.segment.remove_files()
        raise
    return Cleaned(tuple(made), end_offset)


def _map_keys(log: Log, dirty: Iterable[Segment], aborted: AbortedRanges) -> tuple[KeyMap, int]:
    """The last offset of each key in the dirty segments, as many of them as fit; where they end."""
    newest: KeyMap = {}
    end_offset = 0
    row = log.segments
    for segment in dirty:
        if len(newest) >= MAP_KEYS_MAX:
            break
        for record in _committed_records(segment, aborted):
            if record.key is not None:
                newest[record.key] = record.offset
        end_offset = row[row.index(segment) + 1].base_offset
    return newest, end_offset


def _committed_records(segment: Segment, aborted: AbortedRanges) -> Iterator[Record]:
    for position, header in segment.headers(0):
        if not (header.is_control or header.record_count == 0 or aborted.has(header)):
            yield from decode_records(header, segment.read_batch(position, header))


def _groups(segments: Iterable[Segment], segment_bytes: int) -> list[list[Segment]]:
    """Neighbours that fit into one segment even if nothing of them goes."""
    groups: list[list[Segment]] = []
    size = 0
    for segment in segments:
        fits = (
            groups
            and size + segment.size <= segment_bytes
            and segment.base_offset - groups[-1][0].base_offset < RELATIVE_OFFSET_MAX // 2
        )
        if fits:
            groups[-1].append(segment)
            size += segment.size
        else:
            groups.append([segment])
            size = segment.size
    return groups


def _write_group(
    files: Files,
    log: Log,
    group: Sequence[Segment],
    cleaner: BatchCleaner,
) -> CleanedSegment:
    """Clean one group into a new segment, complete and on disk."""
    target = Segment(files, log.directory, group[0].base_offset, CLEANED_SUFFIX)
    target.create(cleaner.times.now_ms)
    try:
        pending: list[Buffer] = []
        pending_bytes = 0
        for header, batch in _cleaned_batches(group, cleaner):
            target.added(header, target.size, log.config.index_interval_bytes)
            target.size += len(batch)
            pending.append(batch)
            pending_bytes += len(batch)
            if pending_bytes >= _WRITE_BYTES:
                target.file.append(pending)
                pending, pending_bytes = [], 0
        target.file.append(pending)
        target.file.sync()
        target.seal()
        target.persist_indexes(sync=True)
        target.unload_indexes()
    except (KafkaError, StorageError):
        target.remove_files()
        raise
    return CleanedSegment(target, tuple(group))


def _cleaned_batches(
    group: Sequence[Segment], cleaner: BatchCleaner
) -> Iterator[tuple[BatchHeader, bytes]]:
    """What stays of each batch. The last one stays without records, if need be: it has the end."""
    for segment in group:
        for position, header in segment.headers(0):
            ends_segment = position + header.size_bytes >= segment.size
            cleaned = cleaner.clean(
                header,
                segment.read_batch(position, header),
                keep_empty=ends_segment and segment is group[-1],
            )
            if cleaned is not None:
                yield cleaned


def install(files: Files, log: Log, cleaned: Cleaned, now_ms: int) -> bool:
    """Replace segments by their cleaned ones; False if retention was faster (then: no change)."""
    row = log.segments
    wanted = [segment for made in cleaned.segments for segment in made.replaces]
    if any(segment not in row for segment in wanted):
        for made in cleaned.segments:
            made.segment.remove_files()
        return False
    for made in cleaned.segments:
        _install_one(files, log, made, now_ms)
    return True


def _install_one(files: Files, log: Log, made: CleanedSegment, now_ms: int) -> None:
    """Crash-safe at each step, see compaction_swap."""
    base_offset = made.segment.base_offset
    compaction_swap.mark_swap(files, log.directory, base_offset)
    made.segment.suffix = SWAP_SUFFIX
    assert made.segment.file.path.endswith(LOG_SUFFIX + CLEANED_SUFFIX)  # opened when it was made
    replaced = set(made.replaces)
    row: list[Segment] = []
    for segment in log.segments:
        if segment is made.replaces[0]:
            row.append(made.segment)
        if segment not in replaced:
            row.append(segment)
    log.replace_segments(row)
    log.retire(made.replaces, now_ms)
    compaction_swap.take_swap_off(files, log.directory, base_offset)
    made.segment.suffix = ""
