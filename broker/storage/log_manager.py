"""All logs of this broker: which log directory each lies in, and how it comes to another.

What one log directory holds: broker/storage/log_directory.

Each method that takes a partition or a directory is to be called in that directory's own thread.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from broker.errors import ErrorCode, KafkaError, StorageError
from broker.storage import log_move, partition_directory
from broker.storage.files import Files, make_durably
from broker.storage.log import Log, LogConfig
from broker.storage.log_directory import LogDirectory, TopicPartition
from broker.storage.meta_properties import MetaProperties, read_properties, write_properties

log = logging.getLogger(__name__)

LOCK = ".lock"
SUPERSEDED_MS = 10_000  # a read that began before a log was moved has ended by then


class MovedHalfway(StorageError):
    """A moved log is in its place but cannot be used: the partition must not be written to."""


class LogManager:
    """Finds, makes, checkpoints and removes logs."""

    def __init__(self, files: Files, log_dirs: Sequence[str]) -> None:
        self._files = files
        self._paths = tuple(log_dirs)
        self._directories: dict[str, LogDirectory] = {}
        self._homes: dict[TopicPartition, str] = {}
        self.unfinished_moves: dict[TopicPartition, str] = {}
        """Partitions that were to lie in another directory when the last process ended."""
        self._last_unique = 0
        self._were_used = False
        self._away: frozenset[str] = frozenset()
        """Ids of directories that this broker had and that it does not find now."""
        self._lost: set[TopicPartition] = set()
        """Partitions that lie in one of them."""
        self._left_out: list[str] = []
        """Log directories that could not be used at the start."""
        self._failed: set[str] = set()
        """Those in use of which the disk has failed since."""

    # starting -----------------------------------------------------------------------------

    def start(self, node_id: int, cluster_id: str, new_directory_id: Callable[[], str]) -> str:
        """Lock and read the log directories, made if missing; the id of the cluster.

        `cluster_id` is used only if no directory knows one. A directory that cannot be used is
        left out as long as another can. StorageError: locked by another broker, of another
        broker or cluster, or none usable.
        """
        failure: StorageError | None = None
        was_known = False
        for path in self._paths:
            try:
                make_durably(self._files, path)
                lock = self._files.lock(f"{path}/{LOCK}")
            except (StorageError, KafkaError) as error:
                if self._is_locked(error):
                    self.release()
                    raise
                failure = StorageError(str(error))
                self._left_out.append(path)
                log.error("log directory is left out: %s directory=%s", error, path)
                continue
            known = read_properties(self._files, path)
            if known is not None:
                known.check(path, node_id, self._cluster_id())
            was_known = was_known or known is not None
            properties = known or MetaProperties(
                self._cluster_id() or cluster_id, node_id, new_directory_id()
            )
            self._directories[path] = LogDirectory.read(self._files, path, lock, properties)
        if not self._directories:
            raise failure or StorageError("no log directory is set")
        self._settle_moves()
        self._forget_what_is_gone()
        self._were_used = bool(self._homes) or (was_known and failure is not None)
        self._write_properties()
        return self._cluster_id() or cluster_id

    def _forget_what_is_gone(self) -> None:
        """Checkpoints may name logs that were deleted just before the last process ended."""
        for directory in self._directories.values():
            for identity in directory.noted():
                if self._homes.get(identity) != directory.path:
                    directory.forget(identity)

    def _write_properties(self) -> None:
        """Tell each directory of the others; those that it knew and that are not here are away."""
        here = frozenset(one.properties.directory_id for one in self._directories.values())
        known = here.union(
            *(one.properties.all_directory_ids for one in self._directories.values())
        )
        self._away = known - here
        for directory in self._directories.values():
            directory.properties = replace(directory.properties, all_directory_ids=known)
            write_properties(self._files, directory.path, directory.properties)

    def _away_ids(self) -> str:
        return ",".join(sorted(self._away))

    def _settle_moves(self) -> None:
        """Find where each partition lies; what a move left behind elsewhere goes."""
        lying_in: dict[TopicPartition, list[str]] = {}
        for path in self._directories:
            for moving in log_move.take_futures(self._files, path):
                self.unfinished_moves[moving] = path
            for name in self._files.list_directory(path):
                identity = partition_directory.parse(name)
                if identity is not None:
                    lying_in.setdefault(identity, []).append(path)
        for identity, paths in lying_in.items():
            home = self._homes[identity] = log_move.newest(self._files, identity, paths)
            name = partition_directory.name_of(identity)
            for path in paths:
                if path != home:
                    partition_directory.mark_deleted(self._files, f"{path}/{name}", bytes(16))
            log_move.unmark(self._files, f"{home}/{name}")

    @staticmethod
    def _is_locked(error: Exception) -> bool:
        return "is locked" in str(error)

    def _cluster_id(self) -> str | None:
        for directory in self._directories.values():
            return directory.properties.cluster_id
        return None

    def release(self) -> None:
        """Let go of the locks; for a start that failed."""
        for directory in self._directories.values():
            directory.lock.release()
        self._directories.clear()

    def require(self, topic_partition: TopicPartition) -> None:
        """StorageError when these directories were in use before, but not with this log.

        It lies in one that was left out, or is in the settings no more: without it nobody could
        tell which of the other logs are of a topic that is there.
        """
        if self._were_used and topic_partition not in self._homes:
            name = partition_directory.name_of(topic_partition)
            paths = ", ".join(self._directories)
            raise StorageError(f"{name} is in none of the usable log directories: {paths}")

    def expect(self, identities: Iterable[TopicPartition]) -> None:
        """Partitions that were there before this start: they are found, or away, never made anew.

        Only while no directory is away may one be made: the last process ended before it did so.
        """
        if self._away:
            self._lost.update(one for one in identities if one not in self._homes)
        if self._lost:
            told = "log directories are away, and the partitions in them ids=%s partitions=%d"
            log.error(told, self._away_ids(), len(self._lost))

    # logs ---------------------------------------------------------------------------------

    @property
    def directories(self) -> tuple[str, ...]:
        """Log directories in use."""
        return tuple(self._directories)

    @property
    def away(self) -> tuple[str, ...]:
        """What is set, or holds partitions, and is not in use: paths, and ids where no path is
        known (another directory stands in its place, or it is in the settings no more)."""
        ids = self._away if self._lost and len(self._away) > len(self._left_out) else ()
        return (*self._left_out, *(f"{one} (away)" for one in sorted(ids)))

    def directory_failed(self, path: str) -> None:
        """Nothing new is put there."""
        self._failed.add(path)

    def has_failed(self, path: str) -> bool:
        """Whether the disk of a directory in use has failed."""
        return path in self._failed

    def directory_id(self, path: str) -> str:
        """The id of a log directory, as meta.properties has it."""
        return self._directories[path].properties.directory_id

    def free_bytes(self, path: str) -> int:
        return self._files.free_bytes(path)

    def total_bytes(self, path: str) -> int:
        return self._files.total_bytes(path)

    def disk_bytes(self) -> dict[str, tuple[int, int]]:
        """Free and total bytes by log directory; without those whose disk does not tell."""
        found = {}
        for path in self.directories:
            with suppress(StorageError):
                found[path] = self.free_bytes(path), self.total_bytes(path)
        return found

    def directory_for(self, topic_partition: TopicPartition) -> str:
        """The log directory of a partition: where it lies, or that with the fewest partitions of
        those whose disk has not failed."""
        home = self._homes.get(topic_partition)
        if home is not None and home in self._directories:
            return home
        sound = [path for path in self._directories if path not in self._failed]
        counts = dict.fromkeys(sound or self._directories, 0)
        for path in self._homes.values():
            if path in counts:
                counts[path] += 1
        home = min(counts, key=lambda path: counts[path])
        self._homes[topic_partition] = home
        return home

    def get(self, topic_partition: TopicPartition) -> Log:
        """An open log; KafkaError UNKNOWN_TOPIC_OR_PARTITION if there is none."""
        directory = self._directories.get(self._homes.get(topic_partition, ""))
        found = None if directory is None else directory.logs.get(topic_partition)
        if found is None:
            topic, index = topic_partition
            raise KafkaError(
                ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"{topic}-{index} has no log here"
            )
        return found

    def get_or_create(
        self, topic_partition: TopicPartition, topic_id: bytes, config: LogConfig, now_ms: int
    ) -> Log:
        """Open a partition's log, recovered if the last stop was not clean; made if missing.

        A log of an earlier topic of that name is put aside as `-stray`. StorageError if damaged,
        or in a directory that is away.
        """
        if topic_partition in self._lost:
            raise StorageError(f"it lies in a log directory that is away: {self._away_ids()}")
        directory = self._directories[self.directory_for(topic_partition)]
        opened = directory.logs.get(topic_partition)
        if opened is not None:
            opened.update_config(config)
            return opened
        return directory.open_log(topic_partition, topic_id, config, now_ms)

    def delete(self, topic_partition: TopicPartition, topic_id: bytes) -> None:
        """Take a log away: its directory is renamed now and removed by `remove_deleted`."""
        self._lost.discard(topic_partition)
        home = self._homes.pop(topic_partition, None)
        if home is None or home not in self._directories:
            return
        for other in self._directories.values():
            place = other.place_of(topic_partition)
            if any(old == place for _, old, _ in other.superseded):
                partition_directory.mark_deleted(self._files, place, topic_id)
        self._directories[home].delete(topic_partition, topic_id)

    # moving -------------------------------------------------------------------------------

    def install_future(
        self, future: Log, topic_id: bytes, now_ms: int, *, cleaned_to: int = 0
    ) -> Log:
        """Put a complete copy in its place, in the thread of its directory; the log to use now.

        `cleaned_to`: how far its source was compacted when the copy began.

        The old directory stays until `remove_superseded`: somebody may be reading there. An error
        before the copy is in its place changes nothing; after that it is MovedHalfway.
        """
        identity = future.topic_partition
        path = future.directory.rpartition("/")[0]
        target, source = self._directories[path], self._directories[self._homes[identity]]
        place, old = target.place_of(identity), source.place_of(identity)
        partition_directory.mark_deleted(self._files, place, self._unique(now_ms))  # superseded
        target.superseded = deque(one for one in target.superseded if one[1] != place)
        log_move.unmark(self._files, old)
        partition_directory.write_topic_id(self._files, future.directory, topic_id)
        log_move.mark(self._files, future)
        target.recovery_points[identity] = future.end_offset
        target.log_start_offsets[identity] = future.start_offset
        target.high_watermarks[identity] = future.end_offset
        try:
            target.write_checkpoints()
            self._files.rename(future.directory, place)
        except (StorageError, KafkaError):
            target.forget(identity)
            raise
        try:
            self._files.sync_directory(path)
            opened = self._reopened(future, place, now_ms)
        except (StorageError, KafkaError) as error:
            raise MovedHalfway(f"{place} is in its place and cannot be used: {error}") from error
        source.logs.pop(identity, None)
        source.forget(identity)
        if cleaned_to:
            target.cleaner_offsets[identity] = cleaned_to
        target.logs[identity] = opened
        self._homes[identity] = path
        source.superseded.append((now_ms, old, place))
        return opened

    def _reopened(self, future: Log, place: str, now_ms: int) -> Log:
        opened = Log.open(
            self._files,
            place,
            future.topic_partition,
            future.config,
            clean_shutdown=True,
            recovery_point=future.end_offset,
            log_start_offset=future.start_offset,
            now_ms=now_ms,
        )
        if opened.end_offset != future.end_offset:
            raise StorageError(f"it ends at {opened.end_offset} and not {future.end_offset}")
        return opened

    def remove_superseded(self, path: str, now_ms: int) -> None:
        """Take away logs of a directory that were moved elsewhere and that nobody reads now."""
        superseded = self._directories[path].superseded
        while superseded and now_ms - superseded[0][0] >= SUPERSEDED_MS:
            _, old, place = superseded.popleft()
            partition_directory.mark_deleted(self._files, old, self._unique(now_ms))
            log_move.unmark(self._files, place)

    def _unique(self, now_ms: int) -> bytes:
        """16 bytes that no directory that is on its way out has in its name."""
        self._last_unique += 1
        return now_ms.to_bytes(8, "big") + self._last_unique.to_bytes(8, "big")

    def remove_deleted(self, path: str) -> int:
        """Unlink the files of deleted partitions; how many partitions."""
        return partition_directory.remove_deleted(self._files, path)

    def put_strays_aside(self, is_known: Callable[[bytes], bool]) -> None:
        """Rename the directories of topics (by id) that nobody knows any more, as Kafka does.

        They stay until a human removes them; one that does not say whose it is stays as it is.
        """
        for identity, home in list(self._homes.items()):
            directory = self._directories.get(home)
            if directory is None or identity in directory.logs:
                continue
            path = directory.place_of(identity)
            try:
                topic_id = partition_directory.read_topic_id(self._files, path)
                if topic_id is None or is_known(topic_id):
                    continue
                partition_directory.put_aside(self._files, path, topic_id)
            except (StorageError, KafkaError) as error:
                log.warning("log of an earlier topic stays where it is: %s", error)
                continue
            del self._homes[identity]
            directory.forget(identity)

    def logs_in(self, path: str) -> list[Log]:
        return list(self._directories[path].logs.values())

    def all(self) -> list[Log]:
        return [log for path in self._directories for log in self.logs_in(path)]

    # checkpoints --------------------------------------------------------------------------

    def high_watermark(self, topic_partition: TopicPartition) -> int:
        """What was checkpointed before this start; 0 if nothing was."""
        directory = self._directories[self.directory_for(topic_partition)]
        return directory.high_watermarks.get(topic_partition, 0)

    def cleaner_offset(self, topic_partition: TopicPartition) -> int:
        """First offset that compaction has not looked at; 0 before the first pass."""
        directory = self._directories[self.directory_for(topic_partition)]
        return directory.cleaner_offsets.get(topic_partition, 0)

    def store_cleaner_offset(self, topic_partition: TopicPartition, offset: int) -> None:
        """Note how far compaction got."""
        directory = self._directories[self.directory_for(topic_partition)]
        directory.store_cleaner_offset(topic_partition, offset)

    def delete_records_before(self, path: str, offsets: Mapping[TopicPartition, int]) -> None:
        """What LogDirectory.delete_records_before does, in one of them."""
        self._directories[path].delete_records_before(offsets)

    def write_checkpoints(
        self, path: str, high_watermarks: Mapping[TopicPartition, int] | None = None
    ) -> None:
        """What LogDirectory.write_checkpoints does, in one of them."""
        self._directories[path].write_checkpoints(high_watermarks)

    def clean_shutdown(self, high_watermarks: Mapping[TopicPartition, int] | None = None) -> None:
        """Close all logs, and mark each directory in which nothing failed; locks are released."""
        for path, directory in self._directories.items():
            try:
                directory.close(high_watermarks)
            except (StorageError, KafkaError):
                log.exception("no clean stop, the next start checks the logs directory=%s", path)
        self.release()
