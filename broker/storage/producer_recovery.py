"""What is known of producers at the end of a log: a snapshot, and the batches after it.

A snapshot that is damaged is done without: an older one, or all batches, tell the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from broker.records.control import read_marker
from broker.records.header import BatchHeader
from broker.storage import producer_snapshot
from broker.storage.files import Files
from broker.storage.producer_state import BatchMetadata, ProducerState
from broker.storage.segment import Segment
from broker.storage.transaction_index import AbortedTransaction

SNAPSHOTS_KEPT = 2  # besides those at the base of a segment
WINDOW_REPLAY_BYTES = 1024 * 1024  # log before a snapshot that is looked at for retried batches


@dataclass(frozen=True, slots=True)
class Replay:
    """Which batches the producer state, and the transaction indexes, are made from."""

    segments: Sequence[Segment]
    trusted_offset: int  # snapshots above it are of no use: an index behind it may lack entries
    end_offset: int
    now_ms: int  # producers found in the log count as alive now: when they wrote is not known


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


def _index_aborted(segment: Segment, aborted: AbortedTransaction | None) -> None:
    """Add an entry unless it is there; a transaction is known by its producer and its marker."""
    if aborted is None:
        return
    for entry in segment.transaction_index.entries:
        if entry.last_offset == aborted.last_offset:
            return
    segment.transaction_index.append(aborted)


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
