"""Kafka's `sticky` assignor of tasks (KIP-1071): evenly, and where the state already lies.

Members of one process share its disk, so a process never holds a task twice. Active tasks go back
to who had them, else to who kept them as standby, else to the process with least to do; standbys
likewise, at most one a process. Nobody gets more than an even share while another has less.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from broker.coordinator.group.streams.tasks import Task, Tasks


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member that can be given tasks, and what it was to have until now."""

    process_id: str
    had: Tasks = field(default_factory=Tasks)


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to do: tasks of each subtopology, and which of those have state."""

    task_counts: Mapping[str, int]
    stateful: frozenset[str] = frozenset()
    standby_replicas: int = 0

    def tasks(self) -> list[Task]:
        return [(name, n) for name, count in self.task_counts.items() for n in range(count)]

    def stateful_tasks(self) -> list[Task]:
        return [task for task in self.tasks() if task[0] in self.stateful]


def assign_sticky(work: Work, members: Mapping[str, Candidate]) -> dict[str, Tasks]:
    """What each member shall have."""
    if not members:
        return {}
    return _Sharing(work, members).share_out()


class _Quota:
    """An even share of what is left, for those who do not have theirs yet."""

    def __init__(self, tasks: int, members: int) -> None:
        self._tasks = tasks
        self._members = members
        self.per_member = -(-tasks // members)

    def member_has(self, count: int) -> None:
        """A member was given its `count`th task: with a full share it takes no part any more."""
        if count == self.per_member:
            self._members -= 1
            self._tasks -= count
            self.per_member = -(-self._tasks // self._members) if self._members else 0


class _Process:
    """The members that share one disk."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.counts: dict[str, int] = {}
        self.total = 0
        self.held: set[Task] = set()

    @property
    def load(self) -> float:
        return self.total / len(self.counts)

    def least_loaded(self) -> str:
        return min(self.counts, key=lambda member: self.counts[member])


class _Sharing:
    def __init__(self, work: Work, members: Mapping[str, Candidate]) -> None:
        self._work = work
        self._members = members
        self._processes: dict[str, _Process] = {}
        self._active: dict[str, set[Task]] = {member: set() for member in members}
        self._standby: dict[str, set[Task]] = {member: set() for member in members}
        self._was_active_at: dict[Task, str] = {}
        self._was_standby_at: dict[Task, list[str]] = {}
        for member_id in sorted(members):
            had = members[member_id].had
            process_id = members[member_id].process_id
            process = self._processes.setdefault(process_id, _Process(len(self._processes)))
            process.counts[member_id] = 0
            self._was_active_at.update(dict.fromkeys(had.active, member_id))
            for task in had.standby:
                self._was_standby_at.setdefault(task, []).append(member_id)
        active = len(work.tasks())
        standby = len(work.stateful_tasks()) * work.standby_replicas
        self._active_quota = _Quota(active, len(members))
        self._quota = _Quota(active + standby, len(members))

    def share_out(self) -> dict[str, Tasks]:
        self._share_active()
        if self._work.standby_replicas:
            self._share_standby()
        return {
            member: Tasks(frozenset(self._active[member]), frozenset(self._standby[member]))
            for member in self._members
        }

    def _share_active(self) -> None:
        open_tasks = sorted(self._work.tasks(), key=lambda task: (task[1], task[0]))
        for find in (self._was_active_at.get, self._former_standby):
            left = []
            for task in open_tasks:
                member_id = find(task)
                if member_id is None or not self._has_room(member_id, self._active_quota):
                    left.append(task)
                else:
                    self._give_active(member_id, task)
            open_tasks = left
        queue = self._by_load()
        for task in sorted(open_tasks):
            process = heapq.heappop(queue)[2]
            self._give_active(process.least_loaded(), task)
            heapq.heappush(queue, (process.load, process.rank, process))

    def _share_standby(self) -> None:
        replicas = self._work.standby_replicas
        left: list[tuple[Task, int]] = []
        tasks = sorted(self._work.stateful_tasks(), key=lambda t: (t[1], t[0]), reverse=True)
        for task in tasks:
            for done in range(replicas):
                member_id = self._sticky_standby(task)
                if member_id is None:
                    left.append((task, replicas - done))
                    break
                self._give_standby(member_id, task)
        queue = self._by_load()
        for task, count in sorted(left, reverse=True):
            self._spread(queue, task, count)

    def _spread(self, queue: list[tuple[float, int, _Process]], task: Task, count: int) -> None:
        """Standbys of one task on the processes with least to do; fewer where there are not enough
        processes (Kafka tells its log so; the next process to join gets it)."""
        passed_over = []
        while count and queue:
            load, rank, process = heapq.heappop(queue)
            if task in process.held:
                passed_over.append((load, rank, process))
                continue
            self._give_standby(process.least_loaded(), task)
            passed_over.append((process.load, rank, process))
            count -= 1
        for entry in passed_over:
            heapq.heappush(queue, entry)

    def _sticky_standby(self, task: Task) -> str | None:
        """Who has the state of the task, and room for it."""
        was_active = self._was_active_at.get(task)
        if was_active is not None and self._can_take(was_active, task):
            return was_active
        free = [m for m in self._was_standby_at.get(task, ()) if self._can_take(m, task)]
        return self._least_loaded(free)

    def _former_standby(self, task: Task) -> str | None:
        return self._least_loaded(self._was_standby_at.get(task, ()))

    def _least_loaded(self, members: Iterable[str]) -> str | None:
        return min(
            members,
            key=lambda member: (
                self._process_of(member).load,
                self._process_of(member).counts[member],
            ),
            default=None,
        )

    def _can_take(self, member_id: str, task: Task) -> bool:
        if task in self._process_of(member_id).held:
            return False
        return self._has_room(member_id, self._quota)

    def _has_room(self, member_id: str, quota: _Quota) -> bool:
        return self._process_of(member_id).counts[member_id] < quota.per_member

    def _process_of(self, member_id: str) -> _Process:
        return self._processes[self._members[member_id].process_id]

    def _by_load(self) -> list[tuple[float, int, _Process]]:
        queue = [(process.load, process.rank, process) for process in self._processes.values()]
        heapq.heapify(queue)
        return queue

    def _give_active(self, member_id: str, task: Task) -> None:
        self._active[member_id].add(task)
        self._active_quota.member_has(self._counted(member_id, task))

    def _give_standby(self, member_id: str, task: Task) -> None:
        self._standby[member_id].add(task)
        self._counted(member_id, task)

    def _counted(self, member_id: str, task: Task) -> int:
        process = self._process_of(member_id)
        process.held.add(task)
        process.counts[member_id] += 1
        process.total += 1
        self._quota.member_has(process.counts[member_id])
        return process.counts[member_id]
