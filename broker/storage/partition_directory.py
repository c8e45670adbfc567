"""The directory of one partition: `<topic>-<partition>`, and what it is called on its way out.

`<topic>-<partition>.<32 hex digits>-delete` is being removed; `...-stray` belongs to a topic that
is not there any more and waits for a human. `partition.metadata` says which topic id it is of.
"""

import logging

from broker.protocol.primitives import uuid_bytes, uuid_text
from broker.storage.checkpoint import read_file
from broker.storage.files import Files

log = logging.getLogger(__name__)

TopicPartition = tuple[str, int]

METADATA_FILE = "partition.metadata"
DELETE_SUFFIX = "-delete"
STRAY_SUFFIX = "-stray"
_NAME_BYTES_MAX = 255  # of a file name on the usual file systems
_NO_ID = bytes(16)


def name_of(topic_partition: TopicPartition) -> str:
    topic, index = topic_partition
    return f"{topic}-{index}"


def parse(name: str) -> TopicPartition | None:
    """The partition that a directory name stands for; None for other names."""
    topic, dash, index = name.rpartition("-")
    if not dash or not topic or not index.isdigit():
        return None
    return topic, int(index)


def read_topic_id(files: Files, path: str) -> bytes | None:
    """The topic id in partition.metadata; None without it.

    A damaged file is as good as none, told in the log: which topic a log is of is known elsewhere
    as well, and a power cut before the first flush may leave anything.
    """
    data = read_file(files, f"{path}/{METADATA_FILE}")
    if not data:
        return None
    for line in data.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "topic_id":
            try:
                return uuid_bytes(value.strip())
            except ValueError:
                break
    log.error("partition.metadata is damaged, and done without directory=%s", path)
    return None


def write_topic_id(files: Files, path: str, topic_id: bytes) -> None:
    """Note whose log this is; `sync_topic_id` makes it survive a power cut."""
    if topic_id == _NO_ID or read_topic_id(files, path) is not None:
        return
    file = files.open(f"{path}/{METADATA_FILE}", create=True)
    if file.size:
        file.truncate(0)
    file.append([f"version: 0\ntopic_id: {uuid_text(topic_id)}".encode()])


def sync_topic_id(files: Files, path: str) -> None:
    """Make the note survive a power cut, where there is one; its name is left to the caller."""
    try:
        files.open(f"{path}/{METADATA_FILE}").sync()
    except FileNotFoundError:
        pass  # a copy on its way to another log directory gets it last


def put_aside_unless(files: Files, path: str, topic_id: bytes) -> bool:
    """Rename the directory to `-stray` if it is of another topic id; whether it was."""
    if topic_id == _NO_ID or not files.exists(path):
        return False
    found = read_topic_id(files, path)
    if found is None or found == topic_id:
        return False
    put_aside(files, path, found)
    return True


def put_aside(files: Files, path: str, topic_id: bytes) -> None:
    """Rename the directory to `-stray`: it is of a topic (this id) that is not there any more."""
    aside = aside_name(path, topic_id, STRAY_SUFFIX)
    log.warning("log of an earlier topic put aside directory=%s as=%s", path, aside)
    files.rename(path, aside)
    files.sync_directory(path.rpartition("/")[0])


def mark_deleted(files: Files, path: str, topic_id: bytes) -> None:
    """Rename the directory so that it is gone at once; nothing happens without it."""
    if not files.exists(path):
        return
    files.rename(path, aside_name(path, topic_id, DELETE_SUFFIX))
    files.sync_directory(path.rpartition("/")[0])


def remove_deleted(files: Files, log_directory: str) -> int:
    """Remove the directories that are marked as deleted; how many."""
    names = [name for name in files.list_directory(log_directory) if name.endswith(DELETE_SUFFIX)]
    for name in names:
        files.remove_directory(f"{log_directory}/{name}")
    return len(names)


def aside_name(path: str, topic_id: bytes, suffix: str) -> str:
    """Another name for a partition's directory; `topic_id`: any 16 bytes that make it unique."""
    directory, _, name = path.rpartition("/")
    ending = f".{topic_id.hex()}{suffix}"
    return f"{directory}/{name[: _NAME_BYTES_MAX - len(ending)]}{ending}"
