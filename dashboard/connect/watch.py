"""What is wrong with connectors, looked for in the background so that Now can say it."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dashboard.asked import Answer, Asked
from dashboard.connect.model import Worker, WorkerSeen
from dashboard.onsets import Onsets
from dashboard.text import plural, short
from tracker.clock import Clock

INTERVAL_S: Final = 20.0
TOLD_MAX: Final = 5  # connectors by name; how many more there are is told in one
SILENT_LOOKS: Final = 2  # a worker that misses one look is not away yet


@dataclass(frozen=True, slots=True)
class ConnectTrouble:
    """One thing that is wrong; `name` is a connector's, or nothing."""

    word: str
    sentence: str
    critical: bool
    name: str = ""
    since_ms: int | None = None  # None: it was so when we first looked


class ConnectWatch:
    """Looks at the workers of one cluster, over the questions that pages ask as well."""

    def __init__(self, looks: Sequence[tuple[str, Asked[Worker]]], clock: Clock) -> None:
        """`looks`: a worker's address, and the question for its connectors."""
        self._looks, self._clock = looks, clock
        self._onsets = Onsets()
        self._silent = [0] * len(looks)
        self._first = True
        self.troubles: tuple[ConnectTrouble, ...] = ()
        self.seen: tuple[WorkerSeen, ...] = ()  # nothing before the first look

    async def run(self) -> None:
        while self._looks:
            await self.look()
            await asyncio.sleep(INTERVAL_S)

    async def look(self) -> None:
        """Once at every worker."""
        answers = await asyncio.gather(*(asked.answer(math.inf) for _, asked in self._looks))
        now_ms = None if self._first else self._clock.now_ms()
        self._first = False
        away, failed = [], []
        for index, answer in enumerate(answers):
            self._silent[index] = self._silent[index] + 1 if answer.trouble else 0
            if self._silent[index] >= SILENT_LOOKS:
                away.append(self._away(self._looks[index][0], answer, now_ms))
            failed += self._failed(index, answer, now_ms)
        more = len(failed) - TOLD_MAX
        if more > 0:
            sentence = f"{plural(more, 'more connector')} failed as well."
            failed[TOLD_MAX:] = [ConnectTrouble("CONNECTOR FAILED", sentence, True)]
        self.troubles = (*away, *failed)
        self.seen = tuple(
            WorkerSeen(index, bool(answer.trouble), answer.value.connectors if answer.value else ())
            for index, answer in enumerate(answers)
        )

    def _away(self, url: str, answer: Answer[Worker], now_ms: int | None) -> ConnectTrouble:
        sentence = f"The Connect worker {url} does not list its connectors: {answer.trouble}."
        since_ms = self._onsets.since("worker", url, "away", now_ms)
        return ConnectTrouble("CONNECT AWAY", sentence, False, since_ms=since_ms)

    def _failed(
        self, index: int, answer: Answer[Worker], now_ms: int | None
    ) -> list[ConnectTrouble]:
        """Connectors that failed, or have a task that did; of a silent worker as last known."""
        found, kind = [], f"connector {index}"
        for one in answer.value.connectors if answer.value is not None else ():
            trouble = "failed" if one.severity == "critical" else ""
            since_ms = self._onsets.since(kind, one.name, trouble, now_ms)
            if trouble:
                sentence = f"Connector {short(one.name)}: {one.sentence}."
                found.append(ConnectTrouble("CONNECTOR FAILED", sentence, True, one.name, since_ms))
        if answer.value is not None:
            self._onsets.keep(kind, {one.name for one in answer.value.connectors})
        if not answer.trouble:
            self._onsets.keep("worker", {url for url, _ in self._looks} - {self._looks[index][0]})
        return found
