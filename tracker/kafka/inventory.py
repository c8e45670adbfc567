"""What librdkafka cannot be asked: sizes on disk, and groups that are not consumer groups.

kafka-python answers (docs/adr/0024), through a `tracker.kafka.line.Line`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tracker.kafka.answers import ListedGroup
from tracker.kafka.line import Line
from tracker.topics import TopicPartition

OTHER_GROUPS: Final = frozenset(("share", "streams"))
"""Types of groups (KIP-932, KIP-1071) that librdkafka leaves out of its list."""


@dataclass(frozen=True, slots=True)
class LogDir:
    """One log directory of one broker."""

    broker_id: int
    path: str
    offline: bool  # it failed; its partitions are not told
    total_bytes: int  # of its file system; -1: not told (KIP-827)
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Disks:
    """What lies on the disks of a cluster."""

    sizes: Mapping[TopicPartition, Mapping[int, int]]  # bytes by broker id
    log_dirs: tuple[LogDir, ...]


class Inventory:
    """One cluster's disks and groups."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def disks(self, timeout_s: float) -> Disks:
        """Log directories, and bytes of each partition; copies that move (KIP-113) left out."""
        return self._line.ask(_disks, timeout_s)

    def other_groups(self, timeout_s: float) -> tuple[ListedGroup, ...]:
        """Share and streams groups; none where brokers are older than such groups."""
        answer = self._line.ask(lambda client: client.list_groups(), timeout_s)
        found = {
            group["group_id"]: ListedGroup(
                group["group_id"],
                group["group_type"],
                group.get("group_state", "unknown").replace(" ", "_").lower(),
            )
            for group in answer
            if group.get("group_type") in OTHER_GROUPS
        }
        return tuple(found[group_id] for group_id in sorted(found))

    def close(self) -> None:
        """End the connections for good, also while another thread makes one."""
        self._line.close()


def _disks(client: Any) -> Disks:
    sizes: dict[TopicPartition, dict[int, int]] = {}
    log_dirs: list[LogDir] = []
    for broker in client.describe_log_dirs():
        broker_id = broker["broker"]
        for directory in broker["log_dirs"]:
            total, free = directory.get("total_bytes", -1), directory.get("usable_bytes", -1)
            failed = directory["error_code"] != 0
            log_dirs.append(LogDir(broker_id, directory["log_dir"], failed, total, free))
            for place, size in _sizes(directory):
                sizes.setdefault(place, {})[broker_id] = size
    return Disks(sizes, tuple(log_dirs))


def _sizes(directory: Any) -> Iterator[tuple[TopicPartition, int]]:
    """Bytes of each log in it; a copy that is still on its way in is none."""
    for topic in directory["topics"]:
        for part in topic["partitions"]:
            if not part["is_future_key"]:
                place = TopicPartition(topic["name"], part["partition_index"])
                yield place, part["partition_size"]
