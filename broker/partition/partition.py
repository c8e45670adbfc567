"""A partition: a log with a leader, watermarks and people waiting on it.

Everything here runs on the event loop; the log's files are touched in the disk worker's threads,
except for reads of the newest segment, whose pages were just written and are in memory.

    append -> written (page cache) -> on disk -> high watermark rises -> fetches and acks=all wake
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from broker.errors import DamagedLog, ErrorCode, KafkaError, StorageError
from broker.partition.damages import Damages
from broker.partition.disk_worker import DiskWorker, as_storage_error
from broker.partition.jobs import Done, Job
from broker.partition.lone_append import Answered, LoneAppend
from broker.partition.replica_progress import ReplicaProgress
from broker.partition.waiting import Waiting
from broker.partition.watcher import Watcher
from broker.partition.wishes import NO_EPOCH, AppendWish, ReadEnd
from broker.storage.log import (
    AppendInfo,
    FileSlice,
    FoundTimestamp,
    Log,
    LogSlice,
    Origin,
)
from broker.storage.transaction_index import AbortedTransaction

log = logging.getLogger(__name__)

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class PartitionId:
    """Which partition: its topic by name and id, its index, and the epoch of its leadership."""

    topic: str
    topic_id: bytes
    index: int
    leader_epoch: int


class AppendCounters(Protocol):
    """What was appended to a topic. Plain numbers: each append adds to them."""

    messages_in: int
    bytes_in: int


@dataclass(frozen=True, slots=True)
class Hosting:
    """What a broker gives to each partition it hosts."""

    node_id: int
    worker: DiskWorker
    waiting: Waiting
    counters_of: Callable[[str], AppendCounters]
    """Of a topic."""
    on_offline: Callable[["Partition", Exception], None] = field(
        default=lambda partition, error: None
    )


class Partition:
    """One partition this broker leads."""

    def __init__(self, identity: PartitionId, partition_log: Log, hosting: Hosting) -> None:
        self.topic = identity.topic
        self.topic_id = identity.topic_id
        self.index = identity.index
        self.leader_epoch = identity.leader_epoch
        self.log = partition_log
        self.loop = asyncio.get_running_loop()
        self.waiting = hosting.waiting
        self.worker = hosting.worker
        self.appends_to: DiskWorker | None = hosting.worker
        """Who is given appends now; None: they wait for the end of a move, or are refused."""
        self._node_id = hosting.node_id
        self._counters_of = hosting.counters_of
        self._counters: AppendCounters | None = None  # a topic without appends has no series
        self._on_offline = hosting.on_offline
        self.progress = ReplicaProgress([hosting.node_id], partition_log.end_offset)
        self._hot_offset = partition_log.end_offset
        self._stable_seen = self.last_stable_offset
        self._commit_waiters: deque[Done] = deque()
        self._watchers: set[Watcher] = set()
        self._gone: KafkaError | None = None
        self.is_online = True
        """Until it is gone."""
        self.is_forgotten = False
        """The topic was deleted, or the broker stops."""
        self.changing = asyncio.Lock()
        """Held by who moves the log elsewhere or changes its start: not both at a time."""
        self._held: list[Job] | None = None  # while the log changes its directory
        self._damages = Damages(self)
        self._refusing_writes = False  # the disk is full: said once, not once a request

    def __repr__(self) -> str:
        return f"{self.topic}-{self.index}"

    # Watermarks

    @property
    def high_watermark(self) -> int:
        return self.progress.high_watermark

    @property
    def last_stable_offset(self) -> int:
        return self.log.last_stable_offset(self.progress.high_watermark)

    @property
    def log_start_offset(self) -> int:
        return self.log.start_offset

    @property
    def log_end_offset(self) -> int:
        return self.log.end_offset

    def end_for(self, end: ReadEnd) -> int:
        """The offset before which a reader of this kind may see."""
        if end is ReadEnd.HIGH_WATERMARK:
            return self.high_watermark
        if end is ReadEnd.LAST_STABLE_OFFSET:
            return self.last_stable_offset
        return self.log_end_offset

    # Checks

    def check_usable(self, current_leader_epoch: int = NO_EPOCH) -> None:
        """Raise when the partition is gone or offline, or the epoch is not ours (KIP-320)."""
        if self._gone is not None:
            raise self._gone
        if current_leader_epoch in (NO_EPOCH, self.leader_epoch):
            return
        older = current_leader_epoch < self.leader_epoch
        raise KafkaError(
            ErrorCode.FENCED_LEADER_EPOCH if older else ErrorCode.UNKNOWN_LEADER_EPOCH,
            f"leader epoch {current_leader_epoch} of {self}, which is at {self.leader_epoch}",
        )

    # Writing

    def start_append(
        self,
        records: memoryview,
        *,
        acks: int,
        timeout_ms: int,
        now_ms: int,
        origin: Origin = Origin.CLIENT,
    ) -> asyncio.Future[AppendInfo]:
        """Queue an append now; the future is its answer, at the moment that `acks` asks for.

        The order of calls is the order in the log. Raises what `check_usable` raises.
        """
        future: asyncio.Future[AppendInfo] = self.loop.create_future()
        wish = AppendWish(acks, timeout_ms)
        self.append_then(records, now_ms, wish, partial(_settle, future), origin=origin)
        return future

    def append_then(
        self,
        records: memoryview,
        now_ms: int,
        wish: AppendWish,
        answered: Answered,
        *,
        origin: Origin = Origin.CLIENT,
    ) -> None:
        """`start_append` for those who want no future.

        `answered` is told the answer once, on the loop, and never from within this call.
        """
        job = LoneAppend(self, records, now_ms, wish, answered)
        job.origin = origin
        self.queue(job)

    def queue(self, job: Job) -> None:
        """`append_then` for an append that is made already."""
        if self.appends_to is not None:
            self.appends_to.append(job)
            return
        if self._gone is not None:
            raise self._gone
        assert self._held is not None, "without a worker a partition is gone or being moved"
        self._held.append(job)

    async def append(
        self,
        records: memoryview,
        *,
        acks: int,
        timeout_ms: int,
        now_ms: int,
        origin: Origin = Origin.CLIENT,
    ) -> AppendInfo:
        """`start_append` and its answer."""
        return await self.start_append(
            records, acks=acks, timeout_ms=timeout_ms, now_ms=now_ms, origin=origin
        )

    # What the disk worker tells

    def failed(self, job: Job, error: Exception) -> None:
        """An append was refused, or did not get to the disk."""
        job.finish(self.refusal_for(error))

    def written(self, group: Sequence[Done]) -> None:
        """Appends are in the page cache: those with acks=1 are answered."""
        for job, info in group:
            if job.answered_when_written:
                job.finish(info)

    def committed(self, group: Sequence[Done]) -> None:
        """This broker has these appends on its disk."""
        self.stored(group)
        high_watermark = self.progress.high_watermark
        for job, info in group:
            if job.answered_when_written or info.last_offset < high_watermark:
                job.finish(info)
            else:
                self._commit_waiters.append((job, info))

    def stored(self, group: Sequence[Done]) -> None:
        """`committed`, of appends that are answered already."""
        if self._refusing_writes:
            self._refusing_writes = False
            log.warning("writes go on topic=%s partition=%d", self.topic, self.index)
        end_offset = records = size_bytes = 0
        for _, (first_offset, last_offset, _, _, duplicate, size) in group:
            if not duplicate:
                records += last_offset - first_offset + 1
                size_bytes += size
            if last_offset >= end_offset:
                end_offset = last_offset + 1
        counters = self._counters
        if counters is None:
            counters = self._counters = self._counters_of(self.topic)
        counters.messages_in += records
        counters.bytes_in += size_bytes
        rose = self.progress.advance(self._node_id, end_offset)
        if rose and (self._commit_waiters or self._watchers):
            self._high_watermark_rose(size_bytes)

    def refusal_for(self, error: Exception) -> Exception:
        """What a client is told about `error`; damage takes the partition offline."""
        if isinstance(error, KafkaError):
            if error.code is ErrorCode.KAFKA_STORAGE_ERROR and not self._refusing_writes:
                self._refusing_writes = True
                log.error("writes refused: %s topic=%s partition=%d", error, self.topic, self.index)
            return error
        if isinstance(error, StorageError | OSError):
            self.go_offline(as_storage_error(error))
            assert self._gone is not None
            return self._gone
        return error

    def refusal_of_read(self, error: Exception) -> Exception:
        """What a reader is told: of damage that it met it alone hears, as in Kafka."""
        if not isinstance(error, DamagedLog):
            return self.refusal_for(error)
        self._damages.met(error)
        return KafkaError(ErrorCode.CORRUPT_MESSAGE, str(error))

    @property
    def damage(self) -> str:
        """What a reader met last in a segment that is still there; "" when nothing."""
        return self._damages.still_in(self.log)

    # Reading

    def read(self, offset: int, max_bytes: int, end: ReadEnd, *, minimum_one: bool) -> LogSlice:
        """Whole batches from the one holding `offset` on; may be empty.

        OFFSET_OUT_OF_RANGE outside [log start, log end] (not the watermark: KIP-207's gap). With
        `minimum_one` the first batch comes even when it is larger than `max_bytes` (KIP-74).
        """
        self.check_usable()
        self.check_offset(offset)
        end_offset = self.end_for(end)
        if offset >= end_offset:
            return LogSlice(b"", end_offset)
        try:
            return self.log.read(offset, max_bytes, end_offset=end_offset, minimum_one=minimum_one)
        except (StorageError, OSError) as error:
            raise self.refusal_of_read(error) from error

    async def read_cold(
        self, offset: int, max_bytes: int, end: ReadEnd, *, minimum_one: bool
    ) -> LogSlice:
        """`read` in a disk thread, which brings the bytes into memory before they are sent."""

        def read_and_load() -> LogSlice:
            part = self.read(offset, max_bytes, end, minimum_one=minimum_one)
            if isinstance(part.records, FileSlice):
                part.records.load()
            return part

        return await self.worker.run_aside(read_and_load)

    def is_hot(self, offset: int) -> bool:
        """Whether a read needs no disk: it was written by this process, or there is nothing."""
        return offset >= self._hot_offset and offset >= self.log.active_segment.base_offset

    def check_offset(self, offset: int) -> None:
        """OFFSET_OUT_OF_RANGE unless log start <= `offset` <= log end."""
        if not self.log.start_offset <= offset <= self.log.end_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"offset {offset} of {self} is outside"
                f" [{self.log.start_offset}, {self.log.end_offset}]",
            )

    def aborted_transactions(self, offset: int, part: LogSlice) -> list[AbortedTransaction]:
        """Aborted transactions with records in `part`, which was read from `offset` on."""
        return self.log.aborted_transactions(offset, part.end_offset())

    def watch(self, watcher: Watcher) -> None:
        self._watchers.add(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    # Questions

    async def offset_for_timestamp(self, timestamp_ms: int) -> FoundTimestamp | None:
        """The first record at or after a time."""
        self.check_usable()
        return await self._aside(lambda: self.log.offset_for_timestamp(timestamp_ms))

    async def max_timestamp_offset(self) -> FoundTimestamp | None:
        """The youngest record (KIP-734)."""
        self.check_usable()
        return await self._aside(self.log.max_timestamp_offset)

    def epoch_of(self, offset: int) -> int:
        """Leader epoch in which the record at `offset` was written; -1 when not known.

        The epoch of now where nothing was ever written: Kafka notes it when leadership begins.
        """
        epochs = self.log.leader_epochs
        return epochs.epoch_of(offset) if epochs.entries else self.leader_epoch

    def end_offset_for_epoch(self, epoch: int) -> tuple[int, int]:
        """(epoch, end offset) that answers OffsetForLeaderEpoch; (-1, -1): not known."""
        self.check_usable()
        return self.log.leader_epochs.end_offset_for(epoch, self.leader_epoch, self.log_end_offset)

    def deletable_up_to(self, offset: int) -> int:
        """Where the log may begin when this is asked for (-1: the high watermark)."""
        self.check_usable()
        target = self.high_watermark if offset == -1 else offset
        if not 0 <= target <= self.high_watermark:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"offset {target} of {self} is outside [0, {self.high_watermark}]",
            )
        return target

    async def forget_before(self, offset: int) -> None:
        """Raise the log start to `offset`; a crash may undo it (`Partitions` has one it cannot)."""
        target = self.deletable_up_to(offset)
        async with self.changing:
            self.check_usable()
            if target > self.log_start_offset:
                await self.in_order(lambda: self.log.delete_records_before(target))

    async def in_order(self, function: Callable[[], object]) -> None:
        """Run `function` in the writer thread; damage takes the partition offline."""
        try:
            await self.worker.run(function)
        except (StorageError, OSError) as error:
            raise self.refusal_for(error) from error

    # Moving

    def hold_appends(self) -> None:
        """Queue nothing more: what is asked for from now on waits for `release_appends`."""
        self._held = []
        self.appends_to = None

    def take_over(self, moved: Log, worker: DiskWorker) -> None:
        """Go on with a log that lies elsewhere and has the same records."""
        moved.update_config(self.log.config)
        self._hot_offset = moved.end_offset
        self.log, self.worker = moved, worker

    def release_appends(self) -> None:
        """Queue what has waited, in its order."""
        held, self._held = self._held or [], None
        if self._gone is None:
            self.appends_to = self.worker
        for job in held:
            if self._gone is None:
                self.worker.append(job)
            else:
                self.loop.call_soon(job.finish, self._gone)

    # Life

    def go_offline(self, error: Exception) -> None:
        """The disk failed under this partition: refuse everything from now on, loudly."""
        if self._gone is not None:
            return
        log.critical("partition offline: %s topic=%s partition=%d", error, self.topic, self.index)
        self._leave(KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self} is offline: {error}"))
        self._on_offline(self, error)

    def forget(self) -> None:
        """The topic was deleted or the broker stops: let everyone go who waits here."""
        self.is_forgotten = True
        self._leave(KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"{self} is gone"))

    def stable_offset_may_have_risen(self) -> None:
        """A transaction ended: readers of committed records may go on."""
        stable = self.last_stable_offset
        if stable > self._stable_seen:
            self._stable_seen = stable
            for watcher in tuple(self._watchers):
                watcher.wake()

    def _leave(self, refusal: KafkaError) -> None:
        self._gone = refusal
        self.appends_to = None
        self.is_online = False
        while self._commit_waiters:
            self._commit_waiters.popleft()[0].finish(refusal)
        for watcher in tuple(self._watchers):
            watcher.wake()

    def _high_watermark_rose(self, size_bytes: int) -> None:
        waiters = self._commit_waiters
        while waiters and waiters[0][1].last_offset < self.high_watermark:
            job, info = waiters.popleft()
            job.finish(info)
        for watcher in tuple(self._watchers):
            watcher.credit(size_bytes)

    async def _aside(self, function: Callable[[], R]) -> R:
        try:
            return await self.worker.run_aside(function)
        except (StorageError, OSError) as error:
            raise self.refusal_of_read(error) from error


def _settle(future: asyncio.Future[AppendInfo], result: AppendInfo | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
        future.exception()  # a client that hung up is not there to look at it: no lost error
    else:
        future.set_result(result)
