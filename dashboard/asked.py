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
PATIENCE_S: Final = 3.0  # of a page
STILL_GOOD_MS: Final = 60_000  # an answer shown without a word while the next is waited for
SHORT_S: Final = 0.25  # of a page that would wait in vain
NOT_YET: Final = "no answer yet, it is still being asked"


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """The last that was told, or why there is nothing (or nothing newer)."""

    value: T | None = None
    at_ms: int = 0  # when `value` was told
    trouble: str = ""  # half a sentence; empty: `value` is what there is
    refused: bool = False  # the cluster answered, and said no


class Asked(Generic[T]):
    """One question; it runs in a thread.

    A page waits PATIENCE_S for it, and SHORT_S once it took longer or failed, until it is answered
    in time again; it goes on meanwhile, and whoever asks next gets what it found.
    """

    def __init__(self, question: Callable[[], T], clock: Clock) -> None:
        self._question = question
        self._clock = clock
        self._answer: Answer[T] = Answer()
        self._told_ms = -float(KEPT_MS)
        self._running: asyncio.Future[Answer[T]] | None = None
        self._is_slow = False

    def forget(self) -> None:
        """Something was changed: the next who wants to know asks anew."""
        self._told_ms = -float(KEPT_MS)
        self._running = None

    async def answer(self, patience_s: float | None = None) -> Answer[T]:
        """At most KEPT_MS old, or as old as it says; waits so long for it, or as a page does."""
        if self._running is None:
            if self._clock.monotonic_ms() - self._told_ms < KEPT_MS:
                return self._answer
            self._running = asyncio.get_running_loop().run_in_executor(None, self._ask)
            self._running.add_done_callback(self._keep)
        running = self._running
        if patience_s is None:
            patience_s = SHORT_S if self._is_slow else PATIENCE_S
        await asyncio.wait({running}, timeout=patience_s)
        if running.done():
            return running.result()
        self._is_slow = True
        if self._answer.at_ms and self._clock.now_ms() - self._answer.at_ms < STILL_GOOD_MS:
            return self._answer
        return Answer(self._answer.value, self._answer.at_ms, NOT_YET)

    def _keep(self, ended: "asyncio.Future[Answer[T]]") -> None:
        """What it found, unless something was changed since it began."""
        if ended is not self._running:
            return
        self._running, self._told_ms = None, self._clock.monotonic_ms()
        if not ended.cancelled() and ended.exception() is None:
            self._answer = ended.result()
            self._is_slow = bool(self._answer.trouble) and not self._answer.refused

    def _ask(self) -> Answer[T]:
        try:
            value = self._question()
        except Refused as error:
            return Answer(trouble=str(error), refused=True)
        except ClusterUnavailable as error:
            why = reason(str(error))
            trouble = why if why.startswith(("no ", "it")) else f"no answer: {why}"
            return Answer(self._answer.value, self._answer.at_ms, trouble)
        return Answer(value, self._clock.now_ms())
