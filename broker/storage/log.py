"""A log: an ordered row of segments that is appended to, read and rolled.

One thread appends and changes; `flush` may run beside an append; `read` and other questions are
safe from any thread: segments and index entries are replaced, never changed in place.

An append is in the page cache when it returns; `flush` makes it survive a power cut. A segment is
flushed whole before the next one is begun, so that only the newest can be torn.
"""

import logging
from collections import deque
from collections.abc import Sequence
from types import MappingProxyType

from broker.errors import ErrorCode, KafkaError
from broker.storage import (
    finished_segments,
    log_reader,
    producer_recovery,
    producer_snapshot,
    recovery,
    retention,
)
from broker.storage.append import AppendInfo, AppendRequest, Origin, is_stored_as_sent
from broker.storage.append_times import AppendTimes
from broker.storage.file_slice import FileSlice
from broker.storage.files import Files
from broker.storage.flush import Syncing
from broker.storage.leader_epochs import LeaderEpochs
from broker.storage.log_config import FLUSH_NEVER, LogConfig
from broker.storage.log_reader import FoundTimestamp, LogSlice
from broker.storage.offset_index import OFFSET_ENTRY
from broker.storage.producer_state import ProducerState
from broker.storage.segment import Segment
from broker.storage.transaction_index import AbortedTransaction

# The words of a log's callers: they need not know which file of this package has which.
__all__ = [
    "AppendInfo",
    "AppendRequest",
    "FileSlice",
    "FoundTimestamp",
    "Log",
    "LogConfig",
    "LogSlice",
    "Origin",
]

log = logging.getLogger(__name__)

TopicPartition = tuple[str, int]
SNAPSHOT_INTERVAL_BYTES = 64 * 1024  # less than this is replayed faster than a snapshot is synced


class Log:
    """One partition's log; make it with `Log.open`."""

    def __init__(
        self,
        files: Files,
        directory: str,
        topic_partition: TopicPartition,
        config: LogConfig,
        opened: recovery.OpenedLog,
    ) -> None:
        self._files = files
        self.directory = directory
        self.topic_partition = topic_partition
        self.update_config(config)
        self.segments: tuple[Segment, ...] = tuple(opened.segments)
        self.active_segment = self.segments[-1]
        """The newest, which is written to."""
        self.producer_state: ProducerState = opened.producer_state
        self.leader_epochs: LeaderEpochs = opened.leader_epochs
        self.start_offset = opened.start_offset
        self.end_offset = opened.end_offset
        self.recovery_point = opened.flushed_offset
        self.append_times = AppendTimes(files, directory, opened.end_offset, opened.opened_ms)
        self._snapshot_offset = opened.snapshot_offset
        self._high_watermark_seen = 0
        self.syncing = Syncing(
            files,
            directory,
            flushed_offset=opened.flushed_offset,
            names_are_safe=opened.names_are_safe,
        )
        self._bytes_since_snapshot = 0
        if opened.snapshot_offset < opened.end_offset:
            self._bytes_since_snapshot = SNAPSHOT_INTERVAL_BYTES
        self._retired: deque[tuple[int, Segment]] = deque()  # (when, segment), oldest first
        if opened.flushed_offset < opened.end_offset:
            self.syncing.written(self.active_segment)

    @classmethod
    def open(
        cls,
        files: Files,
        directory: str,
        topic_partition: TopicPartition,
        config: LogConfig,
        *,
        clean_shutdown: bool = False,
        recovery_point: int = 0,
        log_start_offset: int = 0,
        now_ms: int,
        finished: finished_segments.Sizes = MappingProxyType({}),
        may_have_gaps: bool = True,
    ) -> "Log":
        """The log in `directory`, which is made if it is not there.

        After an unclean stop the newest segment is checked from `recovery_point` on and its torn
        end cut off. Raises StorageError, naming file and byte, for damage anywhere else: the way
        out is a copy of the directory in which that file is cut at that byte and the later
        segments are removed, opened as after an unclean stop.
        """
        opening = recovery.Opening(
            clean_shutdown, recovery_point, log_start_offset, now_ms, finished, may_have_gaps
        )
        opened = recovery.open_log(files, directory, config, opening)
        made = cls(files, directory, topic_partition, config, opened)
        if not clean_shutdown and made.end_offset > made.start_offset:
            made.flush()  # what a killed process left in the page cache is about to be read
        return made

    # appending ----------------------------------------------------------------------------

    def appended(self, end_offset: int, size_bytes: int, now_ms: int) -> None:
        """The active segment has been written to and has this size now; for the appender."""
        segment, state = self.active_segment, self.producer_state
        self.append_times.note(self.end_offset, now_ms)
        self.syncing.written(segment)
        # Readers go by these two, so they change last: the size first, then the end.
        self._bytes_since_snapshot += size_bytes - segment.size
        segment.size = size_bytes
        self.end_offset = state.map_end_offset = end_offset
        if state.ended:
            state.forget_ended(self._high_watermark_seen)

    # rolling and flushing -----------------------------------------------------------------

    def roll(self, now_ms: int) -> None:
        """Begin a new segment, unless the active one is empty; retention and compaction ask."""
        if self.active_segment.size:
            self.roll_at(self.end_offset, now_ms)

    def roll_at(self, base_offset: int, now_ms: int) -> None:
        """Finish the active segment, on disk, and begin the one at `base_offset`."""
        finished = self.active_segment
        finished.seal()
        self.checkpoint()
        self.take_snapshot()
        segment = Segment(self._files, self.directory, base_offset)
        segment.create(now_ms)
        self.syncing.names_changed()
        finished.unload_indexes()
        self.segments = (*self.segments, segment)
        self.active_segment = segment
        log.info(
            "segment rolled topic=%s partition=%d base_offset=%d",
            *self.topic_partition,
            base_offset,
        )

    def flush(self) -> int:
        """Make everything appended so far survive a power cut; the offset up to which it does.

        A failed sync is a StorageError, now and at every later flush.
        """
        return self.syncing.flush(self)

    @property
    def flushed_offset(self) -> int:
        """Everything below survives a power cut."""
        return self.syncing.flushed_offset

    @property
    def flush_is_due(self) -> bool:
        """Whether flush.messages asks for a sync that acks did not ask for."""
        return self.end_offset - self.flushed_offset >= self.config.flush_messages

    @property
    def is_checkpointed(self) -> bool:
        """Whether `checkpoint` has nothing to do."""
        return self.recovery_point == self.end_offset == self.flushed_offset

    def checkpoint(self) -> int:
        """Flush, and write down all that recovery would else have to find out again.

        The offset returned may be stored as recovery point: nothing below it is scanned again.
        """
        if self.is_checkpointed:
            return self.recovery_point
        self.flush()
        self.active_segment.persist_indexes(sync=True)
        self.leader_epochs.persist()
        self.append_times.save(self.start_offset, self.end_offset)
        if self._bytes_since_snapshot >= SNAPSHOT_INTERVAL_BYTES:
            self.take_snapshot()
        self.recovery_point = self.flushed_offset
        return self.recovery_point

    def take_snapshot(self) -> None:
        """Write the producer state as of now, unless the newest snapshot has it."""
        state = self.producer_state
        if state.map_end_offset <= self._snapshot_offset:
            return
        producer_snapshot.write_snapshot(self._files, self.directory, state)
        self._snapshot_offset = state.map_end_offset
        self._bytes_since_snapshot = 0
        producer_recovery.remove_old_snapshots(
            self._files, self.directory, [segment.base_offset for segment in self.segments]
        )

    # reading ------------------------------------------------------------------------------

    def read(
        self, offset: int, max_bytes: int, *, end_offset: int, minimum_one: bool = False
    ) -> LogSlice:
        """Whole batches from the one that has `offset` on, below `end_offset`.

        At most `max_bytes`, but with `minimum_one` at least one batch if there is any. Empty at
        or above `end_offset`; OFFSET_OUT_OF_RANGE outside [log start, log end].
        """
        if not self.start_offset <= offset <= self.end_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"offset {offset} is outside [{self.start_offset}, {self.end_offset}]",
            )
        limits = log_reader.ReadLimits(max_bytes, min(end_offset, self.end_offset), minimum_one)
        return log_reader.read(self.segments, offset, limits)

    def offset_for_timestamp(self, timestamp: int) -> FoundTimestamp | None:
        """The first record at or after `timestamp`; None if there is none."""
        return log_reader.offset_for_timestamp(
            self.segments, timestamp, self.start_offset, self.leader_epochs
        )

    def max_timestamp_offset(self) -> FoundTimestamp | None:
        """The record with the largest timestamp, the first one of several; None without any."""
        return log_reader.max_timestamp_offset(self.segments, self.start_offset, self.leader_epochs)

    def aborted_transactions(self, fetch_offset: int, upper: int) -> list[AbortedTransaction]:
        """Aborted transactions that overlap [fetch_offset, upper), by first offset."""
        return log_reader.aborted_transactions(self.segments, fetch_offset, upper)

    def last_stable_offset(self, high_watermark: int) -> int:
        """Below it no transaction is open, or ended above the high watermark."""
        self._high_watermark_seen = high_watermark
        first = self.producer_state.first_unstable_offset(high_watermark)
        return high_watermark if first is None else min(first, high_watermark)

    @property
    def size_bytes(self) -> int:
        return sum(segment.size for segment in self.segments)

    # changing -----------------------------------------------------------------------------

    def update_config(self, config: LogConfig) -> None:
        """Take new settings of the topic; they hold from the next append on."""
        self.config = config.jittered(self.directory)
        self.limits = config.produce_limits()
        self.stored_as_sent = is_stored_as_sent(config)
        # What each append asks for: properties cost ten times more.
        self.roll_ms = self.config.roll_ms
        self.index_entries_max = self.config.segment_index_bytes // OFFSET_ENTRY.size
        self.flushes_by_count = config.flush_messages < FLUSH_NEVER

    def delete_records_before(self, offset: int) -> int:
        """Move the log's start up to `offset`; the new start. OFFSET_OUT_OF_RANGE above the end.

        Segments wholly below go with the next retention pass.
        """
        if offset > self.end_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE, f"offset {offset} is above the end {self.end_offset}"
            )
        if offset > self.start_offset:
            self.start_offset = offset
            self.leader_epochs.truncate_from_start(offset)
        return self.start_offset

    def delete_old_segments(self, now_ms: int, high_watermark: int) -> int:
        """Drop what retention no longer keeps; how many segments went."""
        self.remove_retired(now_ms)
        extent = retention.Extent(
            self.start_offset, self.end_offset, high_watermark, self.size_bytes
        )
        count = retention.expired(self.segments, self.config, extent, now_ms)
        if count == 0:
            return 0
        if count == len(self.segments):
            self.roll(now_ms)
        gone, kept = self.segments[:count], self.segments[count:]
        self.replace_segments(kept)
        self.leader_epochs.truncate_from_start(self.start_offset)
        self.retire(gone, now_ms)
        return count

    def replace_segments(self, segments: Sequence[Segment]) -> None:
        """Have this row of segments; the active one stays. For retention and compaction."""
        assert segments[-1] is self.active_segment, "the active segment is not replaced"
        self.start_offset = max(self.start_offset, segments[0].base_offset)  # readers ask it again
        self.segments = tuple(segments)

    def retire(self, segments: Sequence[Segment], now_ms: int) -> None:
        """Rename the files of segments that are out of the row; they are unlinked later."""
        for segment in segments:
            segment.retire()
            self._retired.append((now_ms, segment))
        self.syncing.names_changed()

    @property
    def has_retired(self) -> bool:
        """Whether there are files to unlink, now or later."""
        return bool(self._retired)

    def remove_retired(self, now_ms: int) -> None:
        """Unlink the files of segments retired file.delete.delay.ms ago."""
        while self._retired and now_ms - self._retired[0][0] >= self.config.file_delete_delay_ms:
            self._retired.popleft()[1].remove_files()

    def close(self) -> None:
        """Flush and write all indexes, so that the next open has nothing to find out."""
        self.checkpoint()
        self.active_segment.seal()
        self.active_segment.persist_indexes(sync=True)

    def delete(self) -> None:
        """Remove the directory; slices handed out stay readable."""
        self._files.remove_directory(self.directory)
