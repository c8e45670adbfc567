"""Retention: whole segments go from the oldest on, by age, by size, or below the log's start.

Only segments below the high watermark go; a log that is too old as a whole is rolled first, so
that it can be emptied. Files are renamed `.deleted` and unlinked file.delete.delay.ms later; after
a crash in between the next open removes them.
"""

from typing import TYPE_CHECKING

from broker.storage.log_config import UNLIMITED
from broker.storage.segment import Segment

if TYPE_CHECKING:
    from broker.storage.log import Log


def delete_old_segments(log: "Log", now_ms: int, high_watermark: int) -> int:
    """Drop what the log's settings no longer keep; how many segments went."""
    log.remove_retired(now_ms)
    count = _expired(log, now_ms, high_watermark)
    if count == 0:
        return 0
    if count == len(log.segments):
        log.roll(now_ms)
    gone, kept = log.segments[:count], log.segments[count:]
    log.replace_segments(kept)
    log.leader_epochs.truncate_from_start(log.start_offset)
    log.retire(gone, now_ms)
    return count


def _expired(log: "Log", now_ms: int, high_watermark: int) -> int:
    """How many of the oldest segments may go."""
    config = log.config
    segments = log.segments
    excess = -1
    if config.deletes and config.retention_bytes != UNLIMITED:
        excess = log.size_bytes - config.retention_bytes
    for number, segment in enumerate(segments):
        is_active = number + 1 == len(segments)
        end_offset = log.end_offset if is_active else segments[number + 1].base_offset
        if end_offset > high_watermark or (is_active and segment.size == 0):
            return number
        below_start = not is_active and end_offset <= log.start_offset
        too_old = config.deletes and _is_too_old(segment, now_ms, config.retention_ms)
        too_much = excess - segment.size >= 0
        if not (below_start or too_old or too_much):
            return number
        excess -= segment.size
    return len(segments)


def _is_too_old(segment: Segment, now_ms: int, retention_ms: int) -> bool:
    if retention_ms == UNLIMITED:
        return False
    return now_ms - segment.largest_timestamp() > retention_ms
