"""Which group needs attention when: one heap for all groups, one task that sleeps on it.

A deadline that moves further away (every heartbeat does that) costs nothing: the entry stays, and
whoever is woken too early looks again and schedules anew.
"""

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from broker.clock import Clock

NEVER = float("inf")


@dataclass(slots=True)
class Timers:
    """Deadlines on the monotonic clock, milliseconds; a group has at most one."""

    _heap: list[tuple[float, str]] = field(default_factory=list)
    _due_at: dict[str, float] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def schedule(self, group_id: str, due_at: float) -> None:
        """Look at the group at `due_at` at the latest; an earlier appointment stands."""
        if due_at < self._due_at.get(group_id, NEVER):
            self._due_at[group_id] = due_at
            heapq.heappush(self._heap, (due_at, group_id))
            self._changed.set()

    def pop_due(self, now: float) -> list[str]:
        """Groups whose time has come; their appointments are forgotten."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            due_at, group_id = heapq.heappop(self._heap)
            if self._due_at.get(group_id) == due_at:  # else replaced by an earlier one
                del self._due_at[group_id]
                due.append(group_id)
        return due

    def next_due_at(self) -> float:
        return self._heap[0][0] if self._heap else NEVER

    async def run(self, clock: Clock, attend: Callable[[str], None]) -> None:
        """Call `attend` for each group that is due, until cancelled."""
        while True:
            for group_id in self.pop_due(clock.monotonic_ms()):
                attend(group_id)
            self._changed.clear()
            wait_ms = self.next_due_at() - clock.monotonic_ms()
            if wait_ms <= 0:
                continue
            try:
                timeout_s = None if wait_ms == NEVER else wait_ms / 1000
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait()
            except TimeoutError:
                pass
