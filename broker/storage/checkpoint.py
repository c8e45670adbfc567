"""Small text files, replaced whole: after a crash either the old or the new one is there.

Kafka's checkpoint format: line 1 version `0`, line 2 number of entries, then one entry a line,
`topic partition offset` (recovery points, log start offsets, high watermarks, cleaner) or
`epoch start_offset` (leader epochs).
"""

import logging
from collections.abc import Iterable, Mapping

from broker.errors import StorageError
from broker.storage.files import Files

log = logging.getLogger(__name__)

TopicPartition = tuple[str, int]

_VERSION = "0"


def replace_file(files: Files, directory: str, name: str, data: bytes) -> None:
    """Write `data` under `name`: temporary file, sync, rename, sync of the directory."""
    temporary = f"{directory}/{name}.tmp"
    file = files.open(temporary, create=True)
    if file.size:
        file.truncate(0)
    file.append([data])
    file.sync()
    files.rename(temporary, f"{directory}/{name}")
    files.sync_directory(directory)


def read_file(files: Files, path: str) -> bytes | None:
    """All bytes of a small file; None if it is not there."""
    try:
        file = files.open(path)
    except FileNotFoundError:
        return None
    return file.read(0, file.size)


def write_entries(files: Files, directory: str, name: str, entries: Iterable[str]) -> None:
    """Replace a checkpoint by these entry lines."""
    lines = list(entries)
    text = "\n".join([_VERSION, str(len(lines)), *lines]) + "\n"
    replace_file(files, directory, name, text.encode())


def read_entries(files: Files, path: str) -> list[list[str]] | None:
    """The words of each entry; None without the file, StorageError for a damaged one."""
    data = read_file(files, path)
    if data is None:
        return None
    lines = data.decode("utf-8", "replace").splitlines()
    if len(lines) < 2 or lines[0] != _VERSION or not lines[1].isdigit():
        raise StorageError(f"{path} is not a checkpoint of version {_VERSION}")
    entries = [line.split() for line in lines[2:]]
    if len(entries) != int(lines[1]):
        raise StorageError(f"{path} has {len(entries)} entries, its head says {lines[1]}")
    return entries


def write_offsets(
    files: Files, directory: str, name: str, offsets: Mapping[TopicPartition, int]
) -> None:
    """Replace the checkpoint of one offset a partition."""
    write_entries(
        files,
        directory,
        name,
        (f"{topic} {partition} {offset}" for (topic, partition), offset in sorted(offsets.items())),
    )


def read_offsets(files: Files, path: str) -> dict[TopicPartition, int]:
    """Offsets by partition; empty without the file, StorageError for a damaged one."""
    offsets = {}
    for entry in read_entries(files, path) or []:
        try:
            topic, partition, offset = entry
            offsets[topic, int(partition)] = int(offset)
        except ValueError:
            raise StorageError(f"{path} has the entry {' '.join(entry)!r}") from None
    return offsets


def read_offsets_if_sound(files: Files, path: str) -> dict[TopicPartition, int]:
    """As `read_offsets`; a damaged file is as good as none, told in the log.

    For what the logs themselves tell again, if at the cost of reading more of them.
    """
    try:
        return read_offsets(files, path)
    except StorageError as error:
        log.error("a damaged checkpoint is done without, the logs are read instead: %s", error)
        return {}
