"""Opening a log: find its end, cut what a crash tore, and know again what was known.

Only the newest segment can be torn (each is on disk before the next is begun), and only above the
recovery point. It is walked from there on, every CRC checked; at the first batch that is not
whole the file is cut. A batch with a bad CRC that sound batches follow was not torn but damaged:
StorageError. Indexes, leader epochs and producer state follow from the batches.
"""

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from broker.errors import StorageError
from broker.records.header import BatchHeader
from broker.storage import compaction_swap, finished_segments
from broker.storage.files import Files
from broker.storage.leader_epochs import LeaderEpochs
from broker.storage.log_config import LogConfig
from broker.storage.producer_recovery import Replay, restore_producers
from broker.storage.producer_state import ProducerState
from broker.storage.scan import BatchScan
from broker.storage.segment import LOG_SUFFIX, RELATIVE_OFFSET_MAX, Segment

log = logging.getLogger(__name__)


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


def open_log(files: Files, directory: str, config: LogConfig, opening: Opening) -> OpenedLog:
    """The log in `directory`, made if missing; StorageError for damage that no crash does."""
    files.make_directory(directory)
    compaction_swap.finish_interrupted(files, directory)
    segments = [Segment(files, directory, base) for base in _base_offsets(files, directory)]
    if not segments:
        segments = [_new_segment(files, directory, opening.log_start_offset, opening.now_ms)]
    finished_segments.require(files, segments, opening.finished)
    trusted_offset = _load_finished(segments, config, opening)
    epochs = LeaderEpochs(files, directory)
    epochs_are_known = epochs.load()
    end_offset, active_is_trusted = _load_active(segments[-1], config, opening, epochs)
    if not epochs_are_known:
        epochs = _epochs_of(files, directory, segments)
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


def _load_finished(segments: Sequence[Segment], config: LogConfig, opening: Opening) -> int:
    """Load all but the newest; the offset below which all indexes are as they were written."""
    trusted_offset = segments[-1].base_offset
    for segment, following in itertools.pairwise(segments):
        if opening.tells_gaps and not config.compacts:
            _tell_gap(segment, following)
        if not _load_sealed(segment, following.base_offset, config):
            trusted_offset = min(trusted_offset, segment.base_offset)
    return trusted_offset


def _epochs_of(files: Files, directory: str, segments: Sequence[Segment]) -> LeaderEpochs:
    """Read from the batches, where their file is missing or damaged."""
    epochs = LeaderEpochs(files, directory)
    for segment in segments:
        for _, header in segment.headers(0):
            epochs.assign(header.partition_leader_epoch, header.base_offset)
    return epochs


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
