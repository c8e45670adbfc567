"""Opening a log: find its end, cut what a crash tore, and know again what was known.

Only the newest segment can be torn (each is on disk before the next is begun), and only above the
recovery point. It is walked from there on, every CRC checked; at the first batch that is not
whole the file is cut. A batch with a bad CRC that sound batches follow was not torn but damaged:
StorageError. Indexes, leader epochs and producer state follow from the batches.
"""

import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from broker.errors import StorageError
from broker.records.control import read_marker
from broker.records.header import BatchHeader
from broker.storage import compaction_swap, finished_segments, producer_snapshot
from broker.storage.files import Files
from broker.storage.leader_epochs import LeaderEpochs
from broker.storage.log_config import LogConfig
from broker.storage.producer_state import BatchMetadata, ProducerState
from broker.storage.scan import BatchScan
from broker.storage.segment import LOG_SUFFIX, RELATIVE_OFFSET_MAX, Segment
from broker.storage.transaction_index import AbortedTransaction

log = logging.getLogger(__name__)

SNAPSHOTS_KEPT = 2  # besides those at the base of a segment
WINDOW_REPLAY_BYTES = 1024 * 1024  # log before a snapshot that is looked at for retried batches


@dataclass(frozen=True, slots=True)
class Opening:
    """What is known of the stop before, from the checkpoints of the log directory."""

    clean_shutdown: bool
    recovery_point: int
    log_start_offset: int
    now_ms: int
    finished: finished_segments.Sizes = field(default_factory=dict)
    """What the mark of a clean stop says of them."""
    may_have_gaps: bool = True
    """It was compacted, if only once."""

    @property
    def tells_gaps(self) -> bool:
        """Nothing says what finished segments there were: each must follow on the one before."""
        return not (self.clean_shutdown or self.may_have_gaps)


@dataclass(slots=True)
class OpenedLog:
    """A log as it stands in its directory."""

    segments: list[Segment]
    producer_state: ProducerState
    leader_epochs: LeaderEpochs
    start_offset: int
    end_offset: int
    flushed_offset: int
    snapshot_offset: int
    names_are_safe: bool
    """The directory and the files in it survive a power cut: a flush of the newest one synced them.

    Of an empty one it is not known; the first flush of its records makes sure.
    """
    opened_ms: int


@dataclass(frozen=True, slots=True)
class Replay:
    """Which batches the producer state, and the transaction indexes, are made from."""

    segments: Sequence[Segment]
    trusted_offset: int  # snapshots above it are of no use: an index behind it may lack entries
    end_offset: int
    now_ms: int  # producers found in the log count as alive now: when they wrote is not known


def open_log(files: Files, directory: str, config: LogConfig, opening: Opening) -> OpenedLog:
    """The log in `directory`, made if missing; StorageError for damage that no crash does."""
    files.make_directory(directory)
    compaction_swap.finish_interrupted(files, directory)
    segments = [Segment(files, directory, base) for base in _base_offsets(files, directory)]
    if not segments:
        segments = [_new_segment(files, directory, opening.log_start_offset, opening.now_ms)]
    finished_segments.require(files, segments, opening.finished)
    trusted_offset = segments[-1].base_offset  # below it all indexes are as they were written
    for segment, following in itertools.pairwise(segments):
        if opening.tells_gaps and not config.compacts:
            _tell_gap(segment, following)
        if not _load_sealed(segment, following.base_offset, config):
            trusted_offset = min(trusted_offset, segment.base_offset)
    epochs = LeaderEpochs(files, directory)
    epochs_are_known = epochs.load()
    end_offset, active_is_trusted = _load_active(segments[-1], config, opening, epochs)
    if not epochs_are_known:
        epochs = LeaderEpochs(files, directory)
        for _, header in itertools.chain.from_iterable(one.headers(0) for one in segments):
            epochs.assign(header.partition_leader_epoch, header.base_offset)
    epochs.truncate_from_end(end_offset)
    if active_is_trusted and trusted_offset == segments[-1].base_offset:
        trusted_offset = end_offset if opening.clean_shutdown else opening.recovery_point
    start_offset = max(opening.log_start_offset, segments[0].base_offset)
    if start_offset > end_offset:
        log.warning("log ends before its start offset, begun anew directory=%s", directory)
        for segment in segments:
            segment.remove_files()
        segments = [_new_segment(files, directory, start_offset, opening.now_ms)]
        end_offset = start_offset
    epochs.truncate_from_start(start_offset)
    state = ProducerState()
    trusted_offset = max(min(trusted_offset, end_offset), segments[0].base_offset)
    replay = Replay(segments, trusted_offset, end_offset, opening.now_ms)
    snapshot_offset = restore_producers(files, replay, state)
    state.remove_expired(opening.now_ms, config.producer_id_expiration_ms)
    flushed = end_offset if opening.clean_shutdown else min(opening.recovery_point, end_offset)
    return OpenedLog(
        segments=segments,
        producer_state=state,
        leader_epochs=epochs,
        start_offset=start_offset,
        end_offset=end_offset,
        flushed_offset=flushed,
        snapshot_offset=snapshot_offset,
        names_are_safe=segments[-1].base_offset < flushed,
        opened_ms=opening.now_ms,
    )


def _require_what_was_synced(directory: str, end_offset: int, opening: Opening) -> None:
    """StorageError for a log that ends before its recovery point: a crash cannot do that.

    Going on would give the offsets of acknowledged records to others.
    """
    if end_offset < opening.recovery_point:
        topic, _, index = directory.rpartition("/")[2].rpartition("-")
        line = f"{topic} {index} {opening.recovery_point}"
        raise StorageError(
            f"{directory} ends at offset {end_offset}, and all below {opening.recovery_point} was"
            " on the disk: files are missing or cut. With the broker stopped put them back, or do"
            f" without: change the line '{line}' of recovery-point-offset-checkpoint to end with"
            f" {end_offset}"
        )


def _base_offsets(files: Files, directory: str) -> list[int]:
    bases = []
    for name in files.list_directory(directory):
        stem = name.removesuffix(LOG_SUFFIX)
        if stem != name and stem.isdigit():
            bases.append(int(stem))
    return sorted(bases)


def _new_segment(files: Files, directory: str, base_offset: int, now_ms: int) -> Segment:
    segment = Segment(files, directory, base_offset)
    segment.create(now_ms)
    return segment


# indexes ----------------------------------------------------------------------------------


def _load_sealed(segment: Segment, end_offset: int, config: LogConfig) -> bool:
    """Trust the indexes of a finished segment if they are whole, else build them again (False)."""
    segment.size = segment.file.size
    are_whole = _open_indexes(segment)
    _require_what_is_indexed(segment)
    if are_whole and _indexes_are_sane(segment):
        last = segment.time_index.last()
        if last is not None:
            segment.max_timestamp, segment.max_timestamp_offset = last
        segment.unload_indexes()
        return True
    log.warning("indexes built again segment=%s", segment.path(LOG_SUFFIX))
    segment.reset_indexes()
    next_offset = segment.base_offset
    for position, header in BatchScan(segment, 0, segment.size).sound_batches():
        if not next_offset <= header.base_offset < header.next_offset <= end_offset:
            raise segment.damage(
                position, f"offset {header.base_offset} is outside [{next_offset}, {end_offset})"
            )
        _index(segment, position, header, config)
        next_offset = header.next_offset
    segment.seal()
    segment.unload_indexes()
    return False


def _tell_gap(segment: Segment, following: Segment) -> None:
    """Say so when a log that was never compacted does not go on where a finished segment ends.

    A crash leaves no such log; after a clean stop finished_segments has already refused it.
    """
    segment.size = segment.file.size
    last = segment.offset_index.last() if segment.offset_index.file.open_existing() else None
    position = last[1] if last is not None and segment.offset_index.is_sane(segment.size) else 0
    end_offset = segment.base_offset
    try:
        for _, header in segment.headers(position):
            end_offset = header.next_offset
    except StorageError:
        return  # damage within a segment is told to who reads it
    finally:
        segment.unload_indexes()
    if end_offset < following.base_offset:
        log.error(
            "offsets %d to %d are missing, their files are away: put them back from a copy"
            " before segment=%s",
            end_offset,
            following.base_offset - 1,
            following.path(LOG_SUFFIX),
        )


def _require_what_is_indexed(segment: Segment) -> None:
    """StorageError for a finished .log without a byte, whose indexes know of batches in it."""
    if segment.size == 0 and (segment.offset_index.file.count or segment.time_index.file.count):
        raise segment.damage(0, "it is empty, and its index is not")


def _open_indexes(segment: Segment) -> bool:
    opened = (
        segment.offset_index.file.open_existing(),
        segment.time_index.file.open_existing(),
        segment.transaction_index.load(),
    )
    return all(opened)


def _indexes_are_sane(segment: Segment) -> bool:
    return segment.offset_index.is_sane(segment.size) and segment.time_index.is_sane()


def _index(segment: Segment, position: int, header: BatchHeader, config: LogConfig) -> None:
    segment.added(header, position, config.index_interval_bytes)


def _index_aborted(segment: Segment, aborted: AbortedTransaction | None) -> None:
    """Add an entry unless it is there; a transaction is known by its producer and its marker."""
    if aborted is None:
        return
    for entry in segment.transaction_index.entries:
        if entry.last_offset == aborted.last_offset:
            return
    segment.transaction_index.append(aborted)


# the newest segment -----------------------------------------------------------------------


def _load_active(
    segment: Segment, config: LogConfig, opening: Opening, epochs: LeaderEpochs
) -> tuple[int, bool]:
    """Bring its indexes into memory and find its end, and the epochs that begin on the way.

    Returns the offset where the log ends, and whether the indexes could be used.
    """
    file_size = segment.size = segment.file.size
    resume = _resume_position(segment, opening)
    if resume == 0:
        segment.reset_indexes()
    scan = BatchScan(segment, resume, file_size)
    end_offset = segment.base_offset
    end_position = resume
    batches = scan.headers() if opening.clean_shutdown else scan.torn_batches()
    for position, header in batches:
        if header.base_offset < end_offset or header.last_offset - segment.base_offset > (
            RELATIVE_OFFSET_MAX
        ):
            raise segment.damage(position, f"offset {header.base_offset} after {end_offset}")
        if position > resume or resume == 0:
            _index(segment, position, header, config)
        epochs.assign(header.partition_leader_epoch, header.base_offset)
        end_offset = header.next_offset
        end_position = position + header.size_bytes
    _require_what_was_synced(segment.directory, end_offset, opening)  # before anything is cut
    if end_position < file_size:
        log.warning(
            "torn end cut off segment=%s position=%d bytes=%d",
            segment.path(LOG_SUFFIX),
            end_position,
            file_size - end_position,
        )
        segment.truncate(end_position)
    segment.transaction_index.truncate_at(end_offset)
    segment.created_ms = opening.now_ms
    segment.first_timestamp = segment.first_batch_timestamp()
    return end_offset, resume > 0 or segment.size == 0


def _resume_position(segment: Segment, opening: Opening) -> int:
    """Where to begin to walk: the last indexed batch that is surely on disk; 0 without one."""
    if not _open_indexes(segment):
        return 0
    segment.offset_index.file.load()
    segment.time_index.file.load()
    if not opening.clean_shutdown:
        segment.offset_index.truncate_at(opening.recovery_point)
        segment.time_index.truncate_at(opening.recovery_point)
        segment.transaction_index.truncate_at(opening.recovery_point)
    last = segment.offset_index.last()
    if last is None or not _indexes_are_sane(segment):
        return 0
    offset, position = last
    found = segment.header_at(position)
    if found is None or found.last_offset != offset:
        return 0
    known = segment.time_index.last()
    if known is not None:
        segment.max_timestamp, segment.max_timestamp_offset = known
    return position


# producer state ---------------------------------------------------------------------------


def apply_batch(
    state: ProducerState, header: BatchHeader, batch: bytes | memoryview, now_ms: int
) -> AbortedTransaction | None:
    """Take one batch of the log into the producer state; the aborted transaction it ends."""
    state.map_end_offset = header.next_offset
    if header.producer_id < 0:
        return None
    if not header.is_control:
        state.apply(header, now_ms)
        return None
    marker = read_marker(header, batch)
    return None if marker is None else state.apply_marker(header, marker, now_ms)


def restore_producers(files: Files, replay: Replay, state: ProducerState) -> int:
    """Bring `state` to the end of the log: a snapshot, then the batches after it.

    Snapshots above the end are removed. Returns the offset of the snapshot used, -1 without.
    """
    directory = replay.segments[0].directory
    used = -1
    for offset in sorted(_snapshot_offsets(files, directory), reverse=True):
        path = f"{directory}/{producer_snapshot.file_name(offset)}"
        if offset > replay.end_offset:
            files.remove(path)
        elif offset <= replay.trusted_offset:
            entries = producer_snapshot.read_snapshot(files, path)
            if entries is not None:
                state.restore(entries, offset)
                used = offset
                break
            files.remove(path)
    if used >= 0:
        _refill_windows(replay.segments, used, state)
    for segment, header, position in _batches_from(replay.segments, used):
        batch = segment.read_batch(position, header) if header.is_control else b""
        _index_aborted(segment, apply_batch(state, header, batch, replay.now_ms))
    state.map_end_offset = replay.end_offset
    return used


def _refill_windows(segments: Sequence[Segment], end_offset: int, state: ProducerState) -> None:
    """A snapshot has the last batch of each producer; a client may retry any of the last five."""
    if not state.entries:
        return
    found: dict[int, list[BatchMetadata]] = {}
    for header in _newest_headers(segments, end_offset):
        entry = state.entries.get(header.producer_id)
        if entry is None or entry.producer_epoch != header.producer_epoch or header.is_control:
            continue
        found.setdefault(header.producer_id, []).append(BatchMetadata.of(header))
    for producer_id, batches in found.items():
        state.refill_window(producer_id, batches)


def _newest_headers(segments: Sequence[Segment], end_offset: int) -> Iterator[BatchHeader]:
    """Headers of the last batches below `end_offset`, oldest first, from a megabyte before it."""
    stretches: list[tuple[Segment, int, int]] = []
    left = WINDOW_REPLAY_BYTES
    for segment in reversed(segments):
        if segment.base_offset < end_offset and left > 0:
            end = segment.position_of_end(end_offset)
            start = segment.offset_index.last_position_at_or_before(max(end - left, 0))
            stretches.append((segment, start, end))
            left -= end - start
    for segment, start, end in reversed(stretches):
        for _, header in segment.headers(start, end):
            yield header


def _batches_from(
    segments: Sequence[Segment], offset: int
) -> Iterator[tuple[Segment, BatchHeader, int]]:
    """All batches at or above `offset`."""
    for number, segment in enumerate(segments):
        if number + 1 < len(segments) and segments[number + 1].base_offset <= offset:
            continue
        for position, header in segment.headers(segment.position_of(offset)):
            if header.base_offset >= offset:
                yield segment, header, position


def _snapshot_offsets(files: Files, directory: str) -> list[int]:
    suffix = producer_snapshot.SUFFIX
    names = files.list_directory(directory)
    stems = [name.removesuffix(suffix) for name in names if name.endswith(suffix)]
    return [int(stem) for stem in stems if stem.isdigit()]


def remove_old_snapshots(files: Files, directory: str, base_offsets: Sequence[int]) -> None:
    """Keep the newest two and those at the base of a segment that still exists."""
    offsets = sorted(_snapshot_offsets(files, directory))
    for offset in offsets[:-SNAPSHOTS_KEPT]:
        if offset not in base_offsets:
            files.remove(f"{directory}/{producer_snapshot.file_name(offset)}")
