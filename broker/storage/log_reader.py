"""Questions to a row of segments: bytes from an offset on, offsets by time, aborted transactions.

Everything here only reads, and may run beside the one thread that appends: it works on the row of
segments and the sizes it found at its start.
"""

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from broker.errors import ErrorCode, KafkaError
from broker.records.record import decode_records
from broker.storage.file_slice import FileSlice
from broker.storage.leader_epochs import LeaderEpochs
from broker.storage.segment import Segment
from broker.storage.transaction_index import AbortedTransaction

_base_offset = attrgetter("base_offset")


class LogSlice:
    """Whole batches of one segment, not read yet; the first one has the offset asked for."""

    __slots__ = ("_end_offset", "_segment", "records")

    def __init__(
        self, records: FileSlice | bytes, end_offset: int, segment: Segment | None = None
    ) -> None:
        self.records = records  # b"" when there is nothing to read
        self._end_offset = end_offset
        self._segment = segment

    def __len__(self) -> int:
        """Bytes."""
        return len(self.records)

    def read(self) -> bytes:
        """The bytes themselves: for small answers and tests."""
        return self.records if isinstance(self.records, bytes) else self.records.read()

    def end_offset(self) -> int:
        """Where the batches after these begin: the bound for aborted transactions."""
        if self._segment is None or isinstance(self.records, bytes):
            return self._end_offset
        header = self._segment.header_at(self.records.position + self.records.length)
        return self._end_offset if header is None else min(header.base_offset, self._end_offset)


class FoundTimestamp(NamedTuple):
    """A record found by its time."""

    timestamp: int
    offset: int
    leader_epoch: int


class ReadLimits(NamedTuple):
    """How much a read may return; `end_offset` is exclusive."""

    max_bytes: int
    end_offset: int
    minimum_one: bool


def segment_slot(segments: Sequence[Segment], offset: int) -> int:
    """Slot of the segment that `offset` belongs to; 0 if it lies before the first."""
    return max(bisect_right(segments, offset, key=_base_offset) - 1, 0)


def read(segments: Sequence[Segment], offset: int, limits: ReadLimits) -> LogSlice:
    """Batches of the first segment that has any from `offset` on, below the end offset.

    OFFSET_OUT_OF_RANGE when the row begins above `offset`: retention was faster than this read,
    and what comes later must not stand in for what is gone.
    """
    if offset < segments[0].base_offset:
        raise KafkaError(
            ErrorCode.OFFSET_OUT_OF_RANGE, f"offset {offset} is below {segments[0].base_offset}"
        )
    if offset < limits.end_offset:
        for slot in range(segment_slot(segments, offset), len(segments)):
            segment = segments[slot]
            start = _start_position(segment, offset)
            if start < segment.size:
                following = segments[slot + 1] if slot + 1 < len(segments) else None
                return _slice(segment, start, limits, following)
    return LogSlice(b"", offset)


def _start_position(segment: Segment, offset: int) -> int:
    tail = segment.tail
    position = None if tail is None else tail.floor_position(offset)
    return segment.position_of(offset) if position is None else position


def _slice(segment: Segment, start: int, limits: ReadLimits, following: Segment | None) -> LogSlice:
    """From `start` to the last whole batch within the limits."""
    end_offset = limits.end_offset
    if following is not None and following.base_offset <= end_offset:
        end, end_offset = segment.size, following.base_offset
    else:
        end = _end_position(segment, end_offset)
    if end - start > limits.max_bytes:
        first_end = start + next(segment.headers(start))[1].size_bytes
        boundary = _boundary(segment, start + limits.max_bytes)
        if boundary >= first_end:
            end = min(boundary, end)
        else:  # not even the first batch fits
            end = min(first_end, end) if limits.minimum_one else start
    if end <= start:
        return LogSlice(b"", end_offset)
    return LogSlice(FileSlice(segment.file, start, end - start), end_offset, segment)


def _end_position(segment: Segment, end_offset: int) -> int:
    """Where the batches below `end_offset` end, in the newest segment."""
    size = segment.size  # before the tail is asked, which must know all up to here
    tail = segment.tail
    position = None if tail is None else tail.position_of_end(end_offset, size)
    return segment.position_of_end(end_offset) if position is None else position


def _boundary(segment: Segment, position: int) -> int:
    tail = segment.tail
    boundary = None if tail is None else tail.last_boundary(position)
    return segment.last_boundary(position) if boundary is None else boundary


def offset_for_timestamp(
    segments: Sequence[Segment], timestamp: int, start_offset: int, epochs: LeaderEpochs
) -> FoundTimestamp | None:
    """The first record with a timestamp >= `timestamp`, at or above the log's start."""
    for segment in segments:
        if segment.max_timestamp < timestamp:
            continue
        offset = max(segment.time_index.floor_offset(timestamp), start_offset)
        position = segment.offset_index.floor_position(offset)
        for start, header in segment.headers(position):
            if header.max_timestamp < timestamp or header.last_offset < start_offset:
                continue
            for record in decode_records(header, segment.read_batch(start, header)):
                if record.timestamp_ms >= timestamp and record.offset >= start_offset:
                    epoch = epochs.epoch_of(record.offset)
                    return FoundTimestamp(record.timestamp_ms, record.offset, epoch)
    return None


def max_timestamp_offset(
    segments: Sequence[Segment], start_offset: int, epochs: LeaderEpochs
) -> FoundTimestamp | None:
    """The record with the largest timestamp; the first of several."""
    largest = max(_max_timestamp(segment, start_offset) for segment in segments)
    if largest < 0:
        return None
    return offset_for_timestamp(segments, largest, start_offset, epochs)


def _max_timestamp(segment: Segment, start_offset: int) -> int:
    """The largest timestamp of the batches that reach `start_offset`; -1 without any."""
    if segment.base_offset >= start_offset:
        return segment.max_timestamp
    headers = segment.headers(segment.position_of(start_offset))
    return max((header.max_timestamp for _, header in headers), default=-1)


def aborted_transactions(
    segments: Sequence[Segment], fetch_offset: int, upper: int
) -> list[AbortedTransaction]:
    """Aborted transactions with records in [fetch_offset, upper), by first offset.

    A transaction's entry stands where its marker is, which may be segments later: the search goes
    on until an entry says that everything below `upper` was decided by then.
    """
    found: list[AbortedTransaction] = []
    for segment in segments[segment_slot(segments, fetch_offset) :]:
        for entry in segment.transaction_index.entries:
            if entry.last_offset >= fetch_offset and entry.first_offset < upper:
                found.append(entry)
            if entry.last_stable_offset >= upper:
                return sorted(found, key=attrgetter("first_offset"))
    return sorted(found, key=attrgetter("first_offset"))
