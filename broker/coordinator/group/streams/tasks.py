"""Tasks of Kafka Streams: what one client computes, a partition number of one subtopology.

An active task computes; a standby task only keeps its state up to date elsewhere; a warm-up task is
a standby that is to become active (Kafka 4.2 assigns none yet, but knows them).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from broker.coordinator.group.streams.records import OwnedTaskIds, TaskIds

Task = tuple[str, int]
"""(subtopology id, partition)"""


@dataclass(frozen=True, slots=True)
class Tasks:
    """Tasks that a member shall have, or says it has."""

    active: frozenset[Task] = frozenset()
    standby: frozenset[Task] = frozenset()
    warmup: frozenset[Task] = frozenset()


@dataclass(frozen=True, slots=True)
class OwnedTasks:
    """Tasks that a member was given; an active one with the member epoch it was given at."""

    active: Mapping[Task, int] = field(default_factory=dict)
    standby: frozenset[Task] = frozenset()
    warmup: frozenset[Task] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.active or self.standby or self.warmup)

    def overlaps(self, tasks: Tasks) -> bool:
        return bool(
            self.active.keys() & tasks.active
            or self.standby & tasks.standby
            or self.warmup & tasks.warmup
        )

    def covers(self, tasks: Tasks) -> bool:
        return (
            tasks.active <= self.active.keys()
            and tasks.standby <= self.standby
            and tasks.warmup <= self.warmup
        )

    def plain(self) -> Tasks:
        return Tasks(frozenset(self.active), self.standby, self.warmup)


def by_subtopology(tasks: Iterable[Task]) -> dict[str, list[int]]:
    """Partitions of each subtopology, both in ascending order."""
    found: dict[str, list[int]] = {}
    for subtopology, partition in sorted(tasks):
        found.setdefault(subtopology, []).append(partition)
    return found


def task_ids(tasks: Iterable[Task]) -> list[TaskIds]:
    return [TaskIds(name, partitions) for name, partitions in by_subtopology(tasks).items()]


def owned_ids(tasks: Iterable[Task]) -> list[OwnedTaskIds]:
    return [OwnedTaskIds(name, partitions) for name, partitions in by_subtopology(tasks).items()]


def active_ids(tasks: Mapping[Task, int]) -> list[OwnedTaskIds]:
    return [
        OwnedTaskIds(name, partitions, [tasks[name, partition] for partition in partitions])
        for name, partitions in by_subtopology(tasks).items()
    ]


def from_ids(ids: Iterable[TaskIds | OwnedTaskIds]) -> frozenset[Task]:
    return frozenset((one.subtopology_id, index) for one in ids for index in one.partitions)


def active_from_ids(ids: Iterable[OwnedTaskIds], member_epoch: int) -> dict[Task, int]:
    """Active tasks; where a record does not tell their epochs, they count from the member's own."""
    found: dict[Task, int] = {}
    for one in ids:
        epochs = one.assignment_epochs or []
        if len(epochs) != len(one.partitions):
            epochs = [member_epoch] * len(one.partitions)
        for partition, epoch in zip(one.partitions, epochs, strict=True):
            found[one.subtopology_id, partition] = epoch
    return found
