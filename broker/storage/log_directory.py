"""One log directory: whose it is, what its checkpoints say, and the logs that are open in it.

Beside `<topic>-<partition>/` it holds `.lock`, `meta.properties` (whose it is), four checkpoints
(recovery points, log start offsets, high watermarks, where compaction is) and, after a clean stop
only, `.kafka_cleanshutdown`. Names and formats are Apache Kafka's.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.errors import StorageError
from broker.storage import checkpoint, finished_segments, partition_directory
from broker.storage.files import Files, Lock
from broker.storage.log import Log, LogConfig
from broker.storage.meta_properties import MetaProperties

TopicPartition = tuple[str, int]

RECOVERY_POINTS = "recovery-point-offset-checkpoint"
LOG_START_OFFSETS = "log-start-offset-checkpoint"
HIGH_WATERMARKS = "replication-offset-checkpoint"
CLEANER_OFFSETS = "cleaner-offset-checkpoint"
CLEAN_SHUTDOWN = ".kafka_cleanshutdown"


@dataclass(slots=True)
class LogDirectory:
    """What its files said at start, and the logs opened in it since."""

    files: Files
    path: str
    lock: Lock
    properties: MetaProperties
    was_stopped_cleanly: bool
    recovery_points: dict[TopicPartition, int]
    log_start_offsets: dict[TopicPartition, int]
    high_watermarks: dict[TopicPartition, int]
    cleaner_offsets: dict[TopicPartition, int]
    at_stop: dict[str, finished_segments.Sizes]
    """Finished segments of logs, by their directories, when the last process stopped cleanly."""
    logs: dict[TopicPartition, Log] = field(default_factory=dict)
    failed: set[TopicPartition] = field(default_factory=set)
    """Could not be opened: the next start is to look at every log here."""
    forgotten: set[TopicPartition] = field(default_factory=set)
    """Deleted, or put aside, since the checkpoints were written: they still name them."""
    superseded: deque[tuple[int, str, str]] = field(default_factory=deque)
    """Logs that lie elsewhere now: (since when, where they were, where they are), oldest first."""

    @classmethod
    def read(
        cls, files: Files, path: str, lock: Lock, properties: MetaProperties
    ) -> "LogDirectory":
        """Read the checkpoints; the mark of a clean stop is removed, as it holds only once."""
        partition_directory.remove_deleted(files, path)
        marker = f"{path}/{CLEAN_SHUTDOWN}"
        was_stopped_cleanly = files.exists(marker)
        at_stop = finished_segments.read_mark(checkpoint.read_file(files, marker))
        if was_stopped_cleanly:
            files.remove(marker)
            files.sync_directory(path)
        try:
            starts = checkpoint.read_offsets(files, f"{path}/{LOG_START_OFFSETS}")
        except StorageError as error:
            raise StorageError(
                f"{error}: put it back from a copy, or delete it to go on; what was deleted by"
                " DeleteRecords may be readable again then"
            ) from error
        points, watermarks, cleaner = (
            checkpoint.read_offsets_if_sound(files, f"{path}/{name}")
            for name in (RECOVERY_POINTS, HIGH_WATERMARKS, CLEANER_OFFSETS)
        )
        return cls(
            files,
            path,
            lock,
            properties,
            was_stopped_cleanly,
            points,
            starts,
            watermarks,
            cleaner,
            at_stop,
        )

    # logs ---------------------------------------------------------------------------------

    def place_of(self, identity: TopicPartition) -> str:
        """Where the log of a partition lies, if it lies here."""
        return f"{self.path}/{partition_directory.name_of(identity)}"

    def open_log(
        self, identity: TopicPartition, topic_id: bytes, config: LogConfig, now_ms: int
    ) -> Log:
        """Open a log that is not open, recovered if the last stop was not clean; made if missing.

        A log of an earlier topic of that name is put aside as `-stray`. StorageError if damaged.
        """
        name, place = partition_directory.name_of(identity), self.place_of(identity)
        if partition_directory.put_aside_unless(self.files, place, topic_id):
            self.forget(identity)
        if identity in self.forgotten:
            self.write_checkpoints()  # before there is a log that they are not of
        self.failed.add(identity)  # until it is open
        opened = Log.open(
            self.files,
            place,
            identity,
            config,
            clean_shutdown=self.was_stopped_cleanly,
            recovery_point=self.recovery_points.get(identity, 0),
            log_start_offset=self.log_start_offsets.get(identity, 0),
            now_ms=now_ms,
            finished=self.at_stop.get(name, {}),
            may_have_gaps=identity in self.cleaner_offsets,
        )
        partition_directory.write_topic_id(self.files, place, topic_id)
        self.failed.discard(identity)
        self.at_stop.pop(name, None)
        self.logs[identity] = opened
        return opened

    def delete(self, identity: TopicPartition, topic_id: bytes) -> None:
        """Take a log away: its directory is renamed, to be removed later."""
        self.logs.pop(identity, None)
        self.failed.discard(identity)
        self.forget(identity)
        partition_directory.mark_deleted(self.files, self.place_of(identity), topic_id)

    # checkpoints --------------------------------------------------------------------------

    def noted(self) -> set[TopicPartition]:
        """Partitions that the checkpoints say something of, but for compaction."""
        return {*self.recovery_points, *self.log_start_offsets, *self.high_watermarks}

    def forget(self, identity: TopicPartition) -> None:
        """What was noted of an earlier log of this name is not true of the next one."""
        self.forgotten.add(identity)
        self.at_stop.pop(partition_directory.name_of(identity), None)
        for offsets in (
            self.recovery_points,
            self.log_start_offsets,
            self.high_watermarks,
            self.cleaner_offsets,
        ):
            offsets.pop(identity, None)

    def write_checkpoints(
        self, high_watermarks: Mapping[TopicPartition, int] | None = None
    ) -> None:
        """Write down recovery points, start offsets and high watermarks (default: the ends).

        A recovery point is as far as the log's own last `checkpoint()`; call that before.
        """
        for identity, opened in list(self.logs.items()):
            self.recovery_points[identity] = opened.recovery_point
            self.log_start_offsets[identity] = opened.start_offset
            watermark = (high_watermarks or {}).get(identity, opened.flushed_offset)
            self.high_watermarks[identity] = watermark
        for name, offsets in (
            (RECOVERY_POINTS, self.recovery_points),
            (LOG_START_OFFSETS, self.log_start_offsets),
            (HIGH_WATERMARKS, self.high_watermarks),
        ):
            checkpoint.write_offsets(self.files, self.path, name, offsets)
        self.forgotten.clear()

    def delete_records_before(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Move the starts of logs up to these offsets; on disk first, or not at all.

        Whoever saw a new start never sees the old one again, whatever crashes or fills up.
        """
        starts = {**self.log_start_offsets, **offsets}
        checkpoint.write_offsets(self.files, self.path, LOG_START_OFFSETS, starts)
        self.log_start_offsets = starts
        for identity, offset in offsets.items():
            self.logs[identity].delete_records_before(offset)

    def store_cleaner_offset(self, identity: TopicPartition, offset: int) -> None:
        """Note how far compaction got."""
        self.cleaner_offsets[identity] = offset
        checkpoint.write_offsets(self.files, self.path, CLEANER_OFFSETS, self.cleaner_offsets)

    def close(self, high_watermarks: Mapping[TopicPartition, int] | None) -> None:
        """Close all logs; the mark of a clean stop is set if none has failed."""
        for opened in self.logs.values():
            opened.close()
        self.write_checkpoints(high_watermarks)
        if not self.failed:
            segments = (
                (partition_directory.name_of(identity), opened.segments)
                for identity, opened in self.logs.items()
            )
            content = finished_segments.mark(segments)
            checkpoint.replace_file(self.files, self.path, CLEAN_SHUTDOWN, content)
