"""How a member of a streams group gets from the tasks it has to those it shall have (KIP-1071).

    STABLE            has its target
    UNREVOKED_TASKS   must give something up first; its epoch stands still until it has
    UNRELEASED_TASKS  is at the new epoch, waits for tasks that others still have
An active task runs at one member only. No process has a task twice, in whatever role: its members
share the directory that the state lies in.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from broker.coordinator.group.streams.group import StreamsMember, TaskOwnership, TaskState
from broker.coordinator.group.streams.tasks import OwnedTasks, Task, Tasks


@dataclass(slots=True)
class Holders:
    """Which processes have a task, assigned or not yet given up."""

    active: dict[Task, str] = field(default_factory=dict)
    passive: dict[Task, set[str]] = field(default_factory=dict)
    """Standby or warm-up"""

    @classmethod
    def among(cls, members: Iterable[StreamsMember]) -> "Holders":
        found = cls()
        for member in members:
            for tasks in (member.owns.assigned, member.owns.revoking):
                found.active.update(dict.fromkeys(tasks.active, member.process_id))
                for task in tasks.standby | tasks.warmup:
                    found.passive.setdefault(task, set()).add(member.process_id)
        return found

    def may_run(self, task: Task, process_id: str) -> bool:
        """Whether a member of the process can be given the active task now."""
        return task not in self.active and process_id not in self.passive.get(task, ())

    def may_keep(self, task: Task, process_id: str) -> bool:
        """Whether a member of the process can be given the task as standby or warm-up now."""
        if self.active.get(task) == process_id:
            return False
        return process_id not in self.passive.get(task, ())

    def free_among(self, tasks: Tasks, process_id: str) -> Tasks:
        """Those of the tasks that a member of the process can be given now."""
        return Tasks(
            frozenset(task for task in tasks.active if self.may_run(task, process_id)),
            frozenset(task for task in tasks.standby if self.may_keep(task, process_id)),
            frozenset(task for task in tasks.warmup if self.may_keep(task, process_id)),
        )


def reconcile(
    member: StreamsMember,
    *,
    target: Tasks,
    target_epoch: int,
    reported: Tasks | None,
    holders: Holders,
) -> TaskOwnership:
    """The member's next step. `reported` is what it says it has; None: it did not say."""
    owns = member.owns
    epoch = owns.epoch
    if owns.state is TaskState.UNREVOKED_TASKS:
        if reported is None or owns.revoking.overlaps(reported):
            return owns
        epoch += 1  # it did what it was told: the step counts, as in Apache Kafka
    elif owns.state is TaskState.STABLE and epoch == target_epoch:
        return owns
    kept, to_revoke = _split(owns.assigned, target)
    if to_revoke and (reported is None or to_revoke.overlaps(reported)):
        return TaskOwnership(epoch, owns.epoch, TaskState.UNREVOKED_TASKS, kept, to_revoke)
    missing = Tasks(
        target.active - kept.active.keys(),
        target.standby - kept.standby,
        target.warmup - kept.warmup,
    )
    free = holders.free_among(missing, member.process_id)
    return TaskOwnership(
        target_epoch,
        owns.epoch,
        TaskState.STABLE if free == missing else TaskState.UNRELEASED_TASKS,
        OwnedTasks(
            {**kept.active, **dict.fromkeys(free.active, target_epoch)},
            kept.standby | free.standby,
            kept.warmup | free.warmup,
        ),
    )


def _split(had: OwnedTasks, target: Tasks) -> tuple[OwnedTasks, OwnedTasks]:
    """(those a member keeps, those it has to give up)"""
    kept = OwnedTasks(
        {task: since for task, since in had.active.items() if task in target.active},
        had.standby & target.standby,
        had.warmup & target.warmup,
    )
    given_up = OwnedTasks(
        {task: since for task, since in had.active.items() if task not in target.active},
        had.standby - target.standby,
        had.warmup - target.warmup,
    )
    return kept, given_up
