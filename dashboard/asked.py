"""What a page asks a cluster for when somebody looks at it, kept for some seconds.

Many pages share one question, and a cluster that is away costs one time-out in ten seconds. What
was known before stays, with the time of the look.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from dashboard.text import reason
from tracker.clock import Clock
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.changes import Refused

T = TypeVar("T")

KEPT_MS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """The last that was told, or why there is nothing (or nothing newer)."""

    value: T | None = None
    at_ms: int = 0  # when `value` was told
    trouble: str = ""  # half a sentence; empty: `value` is what there is
    refused: bool = False  # the cluster answered, and said no


class Asked(Generic[T]):
    """One question; it runs in a thread."""

    def __init__(self, question: Callable[[], T], clock: Clock) -> None:
        self._question = question
        self._clock = clock
        self._lock = asyncio.Lock()
        self._answer: Answer[T] = Answer()
        self._asked_ms = -float(KEPT_MS)

    def forget(self) -> None:
        """Something was changed: the next who wants to know asks anew."""
        self._asked_ms = -float(KEPT_MS)

    async def answer(self) -> Answer[T]:
        """At most KEPT_MS old, or as old as it says."""
        async with self._lock:
            now_ms = self._clock.monotonic_ms()
            if now_ms - self._asked_ms >= KEPT_MS:
                self._asked_ms = now_ms
                self._answer = await self._ask()
        return self._answer

    async def _ask(self) -> Answer[T]:
        try:
            value = await asyncio.to_thread(self._question)
        except Refused as error:
            return Answer(trouble=str(error), refused=True)
        except ClusterUnavailable as error:
            why = reason(str(error))
            trouble = why if why.startswith(("no ", "it")) else f"no answer: {why}"
            return Answer(self._answer.value, self._answer.at_ms, trouble)
        return Answer(value, self._clock.now_ms())
