"""Who waits for an offset to be committed or readable, and until when (Kafka's purgatory).

One heap and one timer for all waiters of the broker: ten thousand long polls cost ten thousand
heap entries, not ten thousand timers. An entry whose waiter was served in time stays in the heap
until it is due or until the served ones are the majority, then they are swept out together.
"""

import asyncio
import heapq
from typing import Protocol

SWEEP_AT_LEAST = 1024  # entries; smaller heaps are left to run out by themselves


class Waiter(Protocol):
    """Someone in the heap."""

    @property
    def done(self) -> bool:
        """True once served: its deadline no longer matters."""

    def expire(self) -> None:
        """The deadline passed while not done."""


class Waiting:
    """All deadlines of waiting requests; runs on the event loop only."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Waiter]] = []
        self._added = 0
        self._served = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def __len__(self) -> int:
        """Entries held, served ones that were not swept yet included."""
        return len(self._heap)

    def add(self, waiter: Waiter, timeout_ms: float) -> None:
        """Call `waiter.expire()` in `timeout_ms` unless it is done by then."""
        deadline = self._loop.time() + timeout_ms / 1000.0
        self._added += 1
        heapq.heappush(self._heap, (deadline, self._added, waiter))
        if self._timer is None or deadline < self._timer_at:
            self._arm(deadline)

    def served(self) -> None:
        """A waiter became done before its deadline: its entry is dead weight from now on."""
        self._served += 1
        if self._served > SWEEP_AT_LEAST and self._served * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if not entry[2].done]
            heapq.heapify(self._heap)
            self._served = 0

    def close(self) -> None:
        """Expire everyone: the broker stops."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        heap, self._heap = self._heap, []
        for _, _, waiter in heap:
            if not waiter.done:
                waiter.expire()

    def _arm(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._due)

    def _due(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._heap and self._heap[0][0] <= now:
            waiter = heapq.heappop(self._heap)[2]
            if waiter.done:
                self._served = max(0, self._served - 1)
            else:
                waiter.expire()
        if self._heap:
            self._arm(self._heap[0][0])
