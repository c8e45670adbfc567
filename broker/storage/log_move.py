"""A log on its way to another log directory (KIP-113).

It is copied to `<topic>-<partition>.<32 hex digits>-future` there, while the old one is written to.
When nothing is missing the copy is marked (`moved-here`), made safe and renamed to its place; from
then on it alone counts. A start that finds both believes the marked one, so that at no moment a
power cut leaves none or the wrong one. A copy that was not finished is made anew after a start.
"""

from collections.abc import Sequence

from broker.errors import StorageError
from broker.storage import partition_directory
from broker.storage.appender import append_as_follower
from broker.storage.files import Files
from broker.storage.log import Log
from broker.storage.segment import Segment

FUTURE_SUFFIX = "-future"
MARKER = "moved-here"
COPY_BYTES = 4 * 1024 * 1024  # read and written at once

TopicPartition = tuple[str, int]


def begin(files: Files, source: Log, log_directory: str, unique: bytes, now_ms: int) -> Log:
    """An empty log beside the place where the copy of `source` is to be."""
    place = f"{log_directory}/{partition_directory.name_of(source.topic_partition)}"
    path = partition_directory.aside_name(place, unique, FUTURE_SUFFIX)
    files.make_directory(path)
    Segment(files, path, source.segments[0].base_offset).create(now_ms)
    return Log.open(files, path, source.topic_partition, source.config, now_ms=now_ms)


def copy_some(source: Log, future: Log, now_ms: int) -> int:
    """Copy the next batches; how many bytes, 0 when nothing is missing.

    OFFSET_OUT_OF_RANGE when retention was faster: the next call goes on behind what is gone.
    """
    offset = max(future.end_offset, source.start_offset)
    if offset >= source.end_offset:
        return 0
    part = source.read(offset, COPY_BYTES, end_offset=source.end_offset, minimum_one=True)
    records = part.records if isinstance(part.records, bytes) else part.records.read()
    if records:
        append_as_follower(future, memoryview(records), now_ms)
    return len(records)


def complete(source: Log, future: Log, now_ms: int) -> None:
    """Copy the rest while nobody writes to `source`, and all that is known beside the records."""
    while copy_some(source, future, now_ms):
        pass
    if future.end_offset < source.end_offset:  # compaction or retention left nothing at the end
        future.roll_at(source.end_offset, now_ms)
        future.appended(source.end_offset, 0, now_ms)
    if source.start_offset > future.start_offset:
        future.delete_records_before(source.start_offset)
    future.append_times.take(source.append_times)
    future.producer_state = source.producer_state  # also of producers whose records are gone
    future.close()
    future.take_snapshot()


def mark(files: Files, future: Log) -> None:
    """Say, safely on disk, that this copy counts once it is in its place."""
    marker = files.open(f"{future.directory}/{MARKER}", create=True)
    marker.append([b"the log in another directory is older\n"])
    marker.sync()
    partition_directory.sync_topic_id(files, future.directory)
    files.sync_directory(future.directory)


def unmark(files: Files, path: str) -> None:
    """There is no other log of this partition any more."""
    if files.exists(f"{path}/{MARKER}"):
        files.remove(f"{path}/{MARKER}")
        files.sync_directory(path)


def take_futures(files: Files, log_directory: str) -> list[TopicPartition]:
    """Remove copies that were not finished; the partitions they were of."""
    found = []
    for name in files.list_directory(log_directory):
        if name.endswith(FUTURE_SUFFIX):
            identity = partition_directory.parse(name.rpartition(".")[0])
            if identity is not None:
                found.append(identity)
            files.remove_directory(f"{log_directory}/{name}")
    return found


def newest(files: Files, topic_partition: TopicPartition, log_directories: Sequence[str]) -> str:
    """Which of the log directories that have this partition has the log that counts."""
    name = partition_directory.name_of(topic_partition)
    marked = [path for path in log_directories if files.exists(f"{path}/{name}/{MARKER}")]
    if len(log_directories) > 1 and len(marked) != 1:
        raise StorageError(
            f"{name} lies in {' and '.join(log_directories)}: move all but the right one elsewhere"
        )
    return marked[0] if marked else log_directories[0]
