"""What happens by itself: checkpoints, retention, forgetting idle producers, trying disks again,
giving memory back."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator

from broker.clock import Clock
from broker.config import INT64_MAX, BrokerConfig
from broker.errors import KafkaError, StorageError
from broker.freed_memory import Holes
from broker.partition.disk_worker import DiskWorker
from broker.partition.partition import Partition
from broker.partition.partitions import Partitions
from broker.storage import compaction
from broker.storage.files import Files
from broker.storage.log import Log
from broker.storage.log_manager import LogManager

log = logging.getLogger(__name__)

RETRY_MISSING_MS = 5_000  # how soon a partition that a full disk refused is tried again
REMOVE_FILES_MS = 30_000  # how often files past file.delete.delay.ms are unlinked, at least
REMOVE_FILES_SOONEST_MS = 500  # and at most, when log_segment_delete_delay_ms is shorter than that
FLUSH_CHECK_MS = 500  # how late flush.ms may be
HOLES_MS = 60_000  # how often the heap is looked at
RETENTION_REST = 9  # times as long as it took, retention rests at least


class Upkeep:
    """Background work on all logs, one step at a time; a failing step is logged, not fatal."""

    def __init__(
        self,
        config: BrokerConfig,
        clock: Clock,
        storage: tuple[Files, LogManager],
        partitions: Partitions,
    ) -> None:
        self.config = config
        """The settings of now: those that can be changed while the broker runs are taken anew."""
        self._clock = clock
        self._files, self._logs = storage
        self._partitions = partitions
        self._unsynced_since: dict[Partition, int] = {}
        self._holes = Holes()
        self._retention_ms = 0.0
        """How long it took last."""

    async def run(self) -> None:
        """Until cancelled."""
        steps: tuple[tuple[Callable[[], int], Callable[[], Awaitable[None]]], ...] = (
            (lambda: self.config.log_flush_offset_checkpoint_interval_ms, self.checkpoint),
            (self.retention_pause_ms, self.delete_old_segments),
            (self.removal_pause_ms, self.remove_files),
            (lambda: self.config.producer_id_expiration_check_interval_ms, self.expire_producers),
            (lambda: max(1, self.config.log_cleaner_backoff_ms), self.compact),
            (lambda: RETRY_MISSING_MS, self._partitions.open_missing),
            (lambda: FLUSH_CHECK_MS, self.flush_late),
            (lambda: HOLES_MS, self.give_memory_back),
        )
        async with asyncio.TaskGroup() as tasks:
            for interval_ms, step in steps:
                tasks.create_task(self._every(interval_ms, step), name=step.__name__)

    async def give_memory_back(self) -> None:
        """What a crowd of connections has left behind."""
        if await asyncio.to_thread(self._holes.look):
            log.info("memory that was free is given back to the system")

    async def checkpoint(self) -> None:
        """Write down how far logs are flushed: after a crash only what follows is scanned.

        One log after another, so that appends wait for a few syncs and not for those of all logs.
        """
        for path, worker in self._partitions.workers.items():
            hosted = [one for one in self._partitions.all() if one.worker is worker]
            try:
                for partition in hosted:
                    if not partition.log.is_checkpointed:
                        await self._checkpoint(partition, worker)
                ends = {(one.topic, one.index): one.high_watermark for one in hosted}
                await worker.run(self._logs.write_checkpoints, path, ends)
            except StorageError as error:
                self._partitions.directory_failed(worker, error)
            except KafkaError as refusal:  # no space left: the next period tries it again
                log.warning("checkpoint not written: %s directory=%s", refusal, path)

    @staticmethod
    async def _checkpoint(partition: Partition, worker: DiskWorker) -> None:
        async with partition.changing:  # its log is neither moved nor deleted meanwhile
            if partition.is_online and partition.worker is worker:  # another's failure is not ours
                await worker.run_aside(partition.log.flush)  # appends go on beside it
                await worker.run(partition.log.checkpoint)

    async def flush_late(self) -> None:
        """Sync logs whose oldest unsynced record has waited for flush.ms (with log_flush = os)."""
        if self.config.log_flush == "sync":
            return  # all that is written is synced at once
        now_ms = self._clock.now_ms()
        waiting = {
            partition: self._unsynced_since.get(partition, now_ms)
            for partition in self._partitions.all()
            if partition.is_online
            and partition.log.config.flush_ms < INT64_MAX
            and partition.log.flushed_offset < partition.log.end_offset
        }
        self._unsynced_since = waiting
        late = [one for one, since in waiting.items() if now_ms - since >= one.log.config.flush_ms]
        for partition in late:
            del waiting[partition]
            try:
                await partition.worker.run_aside(partition.log.flush)
            except StorageError as error:
                self._partitions.directory_failed(partition.worker, error)

    async def delete_old_segments(self) -> None:
        """Retention by age and size, of logs that are not compacted: `compact` does the others."""
        begin_ms = self._clock.monotonic_ms()
        await self._each(self._retain, lambda one: not one.config.compacts)
        self._retention_ms = self._clock.monotonic_ms() - begin_ms

    def retention_pause_ms(self) -> int:
        """With a thousand logs and an interval of 1 ms nothing else would be done."""
        rest_ms = self._retention_ms * RETENTION_REST
        return max(self.config.log_retention_check_interval_ms, int(rest_ms))

    def _retain(self, partition: Partition, one: Log) -> None:
        one.delete_old_segments(self._clock.now_ms(), partition.high_watermark)

    def removal_pause_ms(self) -> int:
        """Deleted files stay for hardly longer than the settings say."""
        delay_ms = self.config.log_segment_delete_delay_ms
        return min(REMOVE_FILES_MS, max(REMOVE_FILES_SOONEST_MS, delay_ms))

    async def remove_files(self) -> None:
        """Unlink what was deleted long enough ago."""
        await self._each(
            lambda partition, one: one.remove_retired(self._clock.now_ms()),
            lambda one: one.has_retired,
        )
        for path, worker in self._partitions.workers.items():
            try:
                await worker.run(self._logs.remove_superseded, path, self._clock.now_ms())
                await worker.run_aside(self._logs.remove_deleted, path)
            except StorageError as error:
                self._partitions.directory_failed(worker, error)

    async def compact(self) -> None:
        """Keep the last record of each key in the logs that are dirty enough, then retention.

        The long part runs aside, on segments that no longer change; only putting the result in
        place runs in the thread that appends. `log_cleaner_threads` logs are worked on at once.
        """
        waiting = iter([one for one in self._partitions.all() if one.log.config.compacts])
        async with asyncio.TaskGroup() as cleaners:
            for _ in range(self.config.log_cleaner_threads):
                cleaners.create_task(self._compact_all(waiting), name="cleaner")
        await self._each(self._retain, lambda one: one.config.compacts)

    async def _compact_all(self, partitions: Iterator[Partition]) -> None:
        """One cleaner: takes the next log when it is done with one."""
        for partition in partitions:
            # Nor does Kafka clean a log in which damage was met.
            if partition.is_online and not partition.damage:
                dirty = partition.log
                try:
                    await self._compact(partition, dirty)
                except (KafkaError, StorageError) as error:
                    self._failed(partition, dirty, error)

    async def _compact(self, partition: Partition, dirty: Log) -> None:
        key = (partition.topic, partition.index)
        now_ms = self._clock.now_ms()
        bounds = compaction.Bounds(self._logs.cleaner_offset(key), partition.high_watermark, now_ms)
        if not compaction.is_due(dirty, bounds):
            return
        worker = partition.worker
        cleaned = await worker.run_aside(compaction.clean, self._files, dirty, bounds)
        if cleaned is None:
            return
        async with partition.changing:  # how far it got is noted of this log, not of a copy
            if partition.log is not dirty:  # moved elsewhere meanwhile
                return
            if await worker.run(compaction.install, self._files, dirty, cleaned, now_ms):
                await worker.run(self._logs.store_cleaner_offset, key, cleaned.first_dirty_offset)

    async def expire_producers(self) -> None:
        """Forget the sequences of producers that have been idle for a day."""
        expiration_ms = self.config.producer_id_expiration_ms
        await self._each(
            lambda partition, one: one.producer_state.remove_expired(
                self._clock.now_ms(), expiration_ms
            )
        )

    async def _each(
        self, step: Callable[[Partition, Log], object], of: Callable[[Log], bool] = lambda _: True
    ) -> None:
        """One log after another, in the thread that writes it."""
        for partition in self._partitions.all():
            if partition.is_online and of(partition.log):
                now = partition.log
                try:
                    await partition.worker.run(step, partition, now)
                except (KafkaError, StorageError) as error:
                    self._failed(partition, now, error)

    @staticmethod
    def _failed(partition: Partition, worked_on: Log, error: Exception) -> None:
        """Tell the partition, unless its log has been moved: then the old one is on its way out."""
        if partition.log is worked_on:
            partition.refusal_of_read(error)

    async def _every(
        self, interval_ms: Callable[[], int], step: Callable[[], Awaitable[None]]
    ) -> None:
        while True:
            await asyncio.sleep(interval_ms() / 1000)
            try:
                await step()
            except KafkaError as refusal:
                log.warning("upkeep tried again later: %s step=%s", refusal, step.__name__)
            except StorageError:
                log.exception("upkeep failed, tried again later step=%s", step.__name__)
