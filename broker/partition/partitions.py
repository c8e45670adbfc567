"""All partitions this broker hosts; follows the metadata image, which alone says what exists."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import partial

from broker.errors import ErrorCode, KafkaError, StorageError
from broker.metadata.image import ClusterImage, TopicImage
from broker.metadata.records import METADATA_TOPIC
from broker.partition.disk_worker import DiskWorker, new_sync_guard
from broker.partition.partition import Hosting, Partition, PartitionId
from broker.partition.waiting import Waiting
from broker.storage.log import Log, LogConfig
from broker.storage.log_manager import LogManager

log = logging.getLogger(__name__)

UNREAD = ClusterImage()
"""Before the first image was followed, which is of what was there before this start."""
UNKNOWN_BYTES = -1  # KIP-827
OPEN_AT_ONCE = 64  # logs opened per hop to the disk thread, so that appends get between


@dataclass(frozen=True, slots=True)
class DirectoryReport:
    """One log directory and what lies in it; sizes in bytes."""

    path: str
    is_online: bool
    total_bytes: int  # UNKNOWN_BYTES where its disk does not tell
    usable_bytes: int
    partitions: Sequence[Partition]


@dataclass(frozen=True, slots=True)
class PartitionsSetup:
    """What Partitions works with; wired by app.py."""

    logs: LogManager
    workers: Mapping[str, DiskWorker]
    """By log directory."""
    hosting: Callable[[DiskWorker], Hosting]
    config_of: Callable[[ClusterImage, str], LogConfig]
    """The settings of a topic's logs, in an image."""
    waiting: Waiting
    now_ms: Callable[[], int]


class Partitions:
    """Partitions by name and by topic id."""

    def __init__(self, setup: PartitionsSetup) -> None:
        self._setup = setup
        self.waiting = setup.waiting
        self._by_topic: dict[str, dict[int, Partition]] = {}
        self._unseen: list[Partition] = []
        """The cluster's own log: no client writes to it, nor reads the secrets in it."""
        self._names_by_id: dict[bytes, str] = {}
        self._missing: dict[tuple[str, int], Exception] = {}
        self._offline: set[tuple[str, int]] = set()
        self._offline_told: frozenset[tuple[str, int]] | None = None
        self._image = UNREAD

    # Finding

    @property
    def workers(self) -> Mapping[str, DiskWorker]:
        """By log directory."""
        return self._setup.workers

    @property
    def offline(self) -> frozenset[tuple[str, int]]:
        """What nobody can read or write: its disk failed, or it is not on any."""
        if self._offline_told is None:
            self._offline_told = frozenset(self._offline)
        return self._offline_told

    def get(self, topic: str, index: int) -> Partition:
        """UNKNOWN_TOPIC_OR_PARTITION, or KAFKA_STORAGE_ERROR when no disk could hold it."""
        partition = self.find(topic, index)
        if partition is not None:
            return partition
        reason = self._missing.get((topic, index))
        if reason is not None:
            raise KafkaError(
                ErrorCode.KAFKA_STORAGE_ERROR, f"{topic}-{index} is not on any disk: {reason}"
            )
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"{topic}-{index} does not exist")

    def get_by_id(self, topic_id: bytes, index: int) -> Partition:
        """UNKNOWN_TOPIC_ID, or what `get` raises."""
        name = self._names_by_id.get(topic_id)
        if name is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID, f"topic id {topic_id.hex()} is not known")
        return self.get(name, index)

    def find(self, topic: str, index: int) -> Partition | None:
        partitions = self._by_topic.get(topic)
        return None if partitions is None else partitions.get(index)

    def name_of(self, topic_id: bytes) -> str | None:
        return self._names_by_id.get(topic_id)

    def appended_between(self, topic: str, index: int, offset: int) -> tuple[int, int] | None:
        """Between which milliseconds the record at `offset` came; None: nobody can tell."""
        partition = self.find(topic, index)
        if partition is None or not partition.log_start_offset <= offset < partition.high_watermark:
            return None
        return partition.log.append_times.between(offset)

    def all(self) -> list[Partition]:
        """Every partition, the cluster's own metadata log among them."""
        return self._unseen + [
            partition for partitions in self._by_topic.values() for partition in partitions.values()
        ]

    @property
    def missing(self) -> Mapping[tuple[str, int], Exception]:
        """Partitions that exist but that no disk could take or open, and why."""
        return self._missing

    async def directories(self) -> list[DirectoryReport]:
        """The log directories and what lies in them, the cluster's own log left out; those that
        are away as well, of which nothing else is known."""
        room = {
            path: await worker.run_aside(self._room, path) for path, worker in self.workers.items()
        }
        named = self._image.topics  # from here on nothing is awaited: a partition lies in one place
        reports = []
        for path, worker in self.workers.items():
            hosted = [one for one in self.all() if one.worker is worker and one.topic in named]
            sound = room[path] is not None and not self._setup.logs.has_failed(path)
            online = sound and all(partition.is_online for partition in hosted)
            total, free = room[path] or (UNKNOWN_BYTES, UNKNOWN_BYTES)
            reports.append(DirectoryReport(path, online, total, free, hosted))
        away = self._setup.logs.away
        return reports + [
            DirectoryReport(path, False, UNKNOWN_BYTES, UNKNOWN_BYTES, ()) for path in away
        ]

    def _room(self, path: str) -> tuple[int, int] | None:
        """Bytes of its disk and those that are free; None: it does not tell."""
        try:
            return self._setup.logs.total_bytes(path), self._setup.logs.free_bytes(path)
        except StorageError:
            return None

    # Following

    async def follow(self, image: ClusterImage) -> None:
        """Host what `image` says: new partitions are opened, deleted ones go, settings change."""
        before = self._image
        if before is UNREAD:
            self._setup.logs.expect(
                (topic.name, partition.index)
                for topic in image.topics.values()
                for partition in topic.partitions
            )
        for name, topic in before.topics.items():
            now = image.topics.get(name)
            if now is None or now.topic_id != topic.topic_id:
                await self._delete(topic)
        added = [
            identity
            for name, topic in image.topics.items()
            if before.topics.get(name) is not topic
            for identity in self._not_hosted(topic)
        ]
        await self._open_all(added, image)
        if before.configs is not image.configs:
            self._update_configs(image)
        self._image = image

    async def open(self, identity: PartitionId, config: LogConfig) -> Partition:
        """Host one partition that is in no image: the cluster's metadata log."""
        worker = self._worker_of(identity)
        opened = (await worker.run(self._open_logs, [(identity, config)]))[0]
        if isinstance(opened, Exception):
            raise opened
        return self._add(identity, opened, worker)

    async def open_missing(self) -> None:
        """Try again what a full disk refused."""
        refused = [
            identity
            for topic in self._image.topics.values()
            for identity in self._not_hosted(topic)
            if isinstance(self._missing.get((identity.topic, identity.index)), KafkaError)
        ]
        await self._open_all(refused, self._image)

    async def delete_records_before(
        self, offsets: Mapping[Partition, int]
    ) -> Mapping[Partition, KafkaError]:
        """Raise where partitions begin, and see that no crash undoes it; those that refuse."""
        refusals: dict[Partition, KafkaError] = {}
        by_directory: dict[str, dict[Partition, int]] = {}
        logs = self._setup.logs
        async with AsyncExitStack() as held:
            for partition in sorted(offsets, key=str):  # in one order: two requests may meet here
                await held.enter_async_context(partition.changing)
            for partition, offset in offsets.items():
                try:
                    partition.check_usable()
                except KafkaError as refusal:
                    refusals[partition] = refusal
                    continue
                if offset > partition.log_start_offset:
                    path = logs.directory_for((partition.topic, partition.index))
                    by_directory.setdefault(path, {})[partition] = offset
            for path, wanted in by_directory.items():
                starts = {(one.topic, one.index): offset for one, offset in wanted.items()}
                first = next(iter(wanted))
                try:
                    await first.in_order(partial(logs.delete_records_before, path, starts))
                except KafkaError as refusal:
                    refusals |= dict.fromkeys(wanted, refusal)
        return refusals

    def directory_failed(self, worker: DiskWorker, error: Exception) -> None:
        """A sync failed: nothing in this directory can be trusted to reach the disk any more."""
        for path, one in self.workers.items():
            if one is worker:
                self._setup.logs.directory_failed(path)
        for partition in self.all():
            if partition.worker is worker:
                partition.go_offline(error)

    def _not_hosted(self, topic: TopicImage) -> Iterable[PartitionId]:
        hosted = self._by_topic.get(topic.name, {})
        for partition in topic.partitions:
            if partition.index not in hosted:
                yield PartitionId(
                    topic.name, topic.topic_id, partition.index, partition.leader_epoch
                )

    async def _open_all(self, identities: Sequence[PartitionId], image: ClusterImage) -> None:
        by_worker: dict[DiskWorker, list[tuple[PartitionId, LogConfig]]] = {}
        configs: dict[str, LogConfig] = {}
        for identity in identities:
            config = configs.get(identity.topic)
            if config is None:
                config = self._setup.config_of(image, identity.topic)
                configs[identity.topic] = config
            by_worker.setdefault(self._worker_of(identity), []).append((identity, config))
        for worker, wanted in by_worker.items():
            for start in range(0, len(wanted), OPEN_AT_ONCE):
                part = wanted[start : start + OPEN_AT_ONCE]
                opened = await worker.run(self._open_logs, part)
                for (identity, _), result in zip(part, opened, strict=True):
                    self._opened(identity, result, worker)

    def _open_logs(
        self, wanted: Sequence[tuple[PartitionId, LogConfig]]
    ) -> list[Log | KafkaError | StorageError]:
        """Open or make logs; in the disk thread."""
        results: list[Log | KafkaError | StorageError] = []
        now_ms = self._setup.now_ms()
        for identity, config in wanted:
            try:
                opened = self._setup.logs.get_or_create(
                    (identity.topic, identity.index), identity.topic_id, config, now_ms
                )
                opened.syncing.guard = new_sync_guard()
            except (KafkaError, StorageError) as error:
                results.append(error)
            else:
                results.append(opened)
        return results

    def _opened(
        self, identity: PartitionId, result: Log | KafkaError | StorageError, worker: DiskWorker
    ) -> None:
        if not isinstance(result, Exception):
            self._add(identity, result, worker)
            return
        key = (identity.topic, identity.index)
        if str(self._missing.get(key)) != str(result):
            log.critical("partition cannot be opened: %s topic=%s partition=%d", result, *key)
        self._missing[key] = result
        self._is_offline(key, offline=True)

    def _went_offline(self, partition: Partition, error: Exception) -> None:
        self._is_offline((partition.topic, partition.index), offline=True)

    def _is_offline(self, key: tuple[str, int], *, offline: bool) -> None:
        """Told anew when somebody asks: a disk takes thousands with it, one after the other."""
        if (key in self._offline) is offline:
            return
        if offline:
            self._offline.add(key)
        else:
            self._offline.remove(key)
        self._offline_told = None

    def _add(self, identity: PartitionId, opened: Log, worker: DiskWorker) -> Partition:
        hosting = replace(self._setup.hosting(worker), on_offline=self._went_offline)
        partition = Partition(identity, opened, hosting)
        if identity.topic == METADATA_TOPIC:
            self._unseen.append(partition)
            return partition
        self._by_topic.setdefault(identity.topic, {})[identity.index] = partition
        self._names_by_id[identity.topic_id] = identity.topic
        self._missing.pop((identity.topic, identity.index), None)
        self._is_offline((identity.topic, identity.index), offline=False)
        return partition

    async def _delete(self, topic: TopicImage) -> None:
        hosted = self._by_topic.pop(topic.name, {})
        self._names_by_id.pop(topic.topic_id, None)
        for part in topic.partitions:
            key = (topic.name, part.index)
            self._missing.pop(key, None)
            self._is_offline(key, offline=False)
            partition = hosted.get(part.index)
            async with nullcontext() if partition is None else partition.changing:
                if partition is not None:
                    partition.forget()
                worker = self._setup.workers[self._setup.logs.directory_for(key)]
                try:
                    await worker.run(self._setup.logs.delete, key, topic.topic_id)
                except (KafkaError, StorageError):
                    log.exception("deleted partition stays on disk topic=%s partition=%d", *key)

    def _update_configs(self, image: ClusterImage) -> None:
        for name in image.topics:
            config = self._setup.config_of(image, name)
            for partition in self._by_topic.get(name, {}).values():
                if partition.log.config != config:
                    partition.log.update_config(config)

    def _worker_of(self, identity: PartitionId) -> DiskWorker:
        directory = self._setup.logs.directory_for((identity.topic, identity.index))
        return self._setup.workers[directory]
