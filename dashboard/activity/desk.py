"""Asks tracker.reports, in a thread, and keeps each answer for a second.

So that fifty open pages cost as much as one. Every question opens the rollups read-only and
closes them again; a missing file is an appliance that has seen nothing yet.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Final, TypeVar

from tracker import rollups
from tracker.clock import Clock
from tracker.reports import breakdown, live, overview, sites, timeseries
from tracker.rollups import Dimension, Step

T = TypeVar("T")

KEPT_MS: Final = 900.0
ANSWERS_MAX: Final = 200
ROWS: Final = 10

DIMENSIONS: Final = (
    (Dimension.PAGE, "Top pages"),
    (Dimension.SOURCE, "Sources"),
    (Dimension.COUNTRY, "Countries"),
    (Dimension.EVENT, "Events"),
    (Dimension.BROWSER, "Browsers"),
    (Dimension.DEVICE, "Devices"),
)


@dataclass(frozen=True, slots=True)
class Question:
    """A site and a range [start_ms, end_ms) of event time."""

    site: str
    start_ms: int
    end_ms: int
    step: Step


@dataclass(frozen=True, slots=True)
class Report:
    """What the activity page shows of one site over one range."""

    overview: overview.Overview
    points: list[timeseries.Point]
    breakdowns: list[tuple[str, str, list[breakdown.Row]]]  # dimension, title, rows
    live_visitors: int


class ReportDesk:
    """The read side of site activity."""

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self._path = data_dir / "rollups.db"
        self._clock = clock
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="reports")
        self._answers: dict[Any, tuple[float, Any]] = {}

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def sites(self) -> list[sites.SiteRow]:
        """Every site that has been seen."""
        return await self._ask("sites", sites.sites)

    async def live_everywhere(self) -> int:
        """Visitors of the last five minutes on all sites."""
        now_ms = self._clock.now_ms()
        return await self._ask(
            "live", lambda db: sum(live.live(db, row.site, now_ms) for row in sites.sites(db))
        )

    async def report(self, question: Question) -> Report:
        """Everything about one site in one range."""
        now_ms = self._clock.now_ms()
        return await self._ask(question, lambda db: _report(db, question, now_ms))

    async def _ask(self, key: Any, answer: Callable[[Connection], T]) -> T:
        """The answer to `key`, at most a second old."""
        kept = self._answers.get(key)
        if kept is not None and self._clock.monotonic_ms() - kept[0] < KEPT_MS:
            found: T = kept[1]
            return found
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, self._open_and, answer)
        if len(self._answers) >= ANSWERS_MAX:
            self._answers.clear()
        self._answers[key] = (self._clock.monotonic_ms(), found)
        return found

    def _open_and(self, answer: Callable[[Connection], T]) -> T:
        database = rollups.open_for_reading(self._path)
        try:
            return answer(database)
        finally:
            database.close()


def _report(database: Connection, question: Question, now_ms: int) -> Report:
    site, start, end = question.site, question.start_ms, question.end_ms
    return Report(
        overview=overview.overview(database, site, start, end),
        points=timeseries.timeseries(database, site, start, end, question.step),
        breakdowns=[
            (
                dimension.value,
                title,
                breakdown.breakdown(database, site, dimension, start, end, limit=ROWS),
            )
            for dimension, title in DIMENSIONS
        ],
        live_visitors=live.live(database, site, now_ms),
    )
