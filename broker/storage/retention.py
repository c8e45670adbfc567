"""Retention: whole segments go from the oldest on, by age, by size, or below the log's start.

Only segments below the high watermark go; a log that is too old as a whole is rolled first, so
that it can be emptied. Files are renamed `.deleted` and unlinked file.delete.delay.ms later; after
a crash in between the next open removes them.
"""

from collections.abc import Sequence
from typing import NamedTuple

from broker.storage.log_config import UNLIMITED, LogConfig
from broker.storage.segment import Segment


class Extent(NamedTuple):
    """From where to where a log reaches."""

    start_offset: int
    end_offset: int
    high_watermark: int
    size_bytes: int


def expired(segments: Sequence[Segment], config: LogConfig, extent: Extent, now_ms: int) -> int:
    """How many of the oldest segments may go."""
    excess = -1
    if config.deletes and config.retention_bytes != UNLIMITED:
        excess = extent.size_bytes - config.retention_bytes
    for number, segment in enumerate(segments):
        is_active = number + 1 == len(segments)
        end_offset = extent.end_offset if is_active else segments[number + 1].base_offset
        if end_offset > extent.high_watermark or (is_active and segment.size == 0):
            return number
        below_start = not is_active and end_offset <= extent.start_offset
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
