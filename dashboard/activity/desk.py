"""Asks tracker.reports, in a thread, and keeps each answer for a second.

So that fifty open pages cost as much as one. What the rollups know is read from them; what crosses
dimensions, or has no rollup, from the warehouse (tracker.reports.segment). An answer that was dear
is kept longer: reports never take more than a twentieth of a core. A missing file is an appliance
that has seen nothing yet.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Final, TypeVar

from dashboard.activity.interval import WIDER, Interval, folded, lengths
from dashboard.activity.registered import RegisteredSites
from dashboard.activity.vitals import FIRST, Measures
from tracker import rollups
from tracker.clock import Clock
from tracker.reports import breakdown, crowds, live, measures, sites, timeseries
from tracker.reports.bots import Bots, bots
from tracker.reports.crowds import Crowd
from tracker.reports.funnel import Stage
from tracker.reports.overview import Overview, overview
from tracker.reports.picked import Asked, Filter
from tracker.reports.reading import Reading
from tracker.reports.revenue import Earned, revenue
from tracker.reports.segment import Segment
from tracker.reports.visits import VisitPoint, visits_over_time
from tracker.rollups import DAY_MS, Dimension, Step
from tracker.vitals import VITALS

T = TypeVar("T")

KEPT_MS: Final = 900.0
KEPT_TIMES: Final = 20.0  # an answer is good for so many times what it took
ANSWERS_MAX: Final = 200
ROWS: Final = 10
EXPORT_ROWS: Final = 10_000

ROLLED_UP: Final = frozenset(dimension.value for dimension in Dimension)
BETTER_PACKED: Final = frozenset((Dimension.ENTRY_PAGE.value,))
"""Rolled up, but as single visits: of a long time the packs of the warehouse are read sooner."""
READING: Final = "reading"
"""Asked for like a dimension: how long pages are in view, and how far down."""


@dataclass(frozen=True, slots=True)
class Question:
    """A site and a range [start_ms, end_ms) of event time; `dimensions` to break down by."""

    site: str
    start_ms: int
    end_ms: int
    interval: Interval
    dimensions: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    before: tuple[int, int] | None = None  # the range to compare with
    vital: str = FIRST  # whose worst pages are shown
    funnel: tuple[str, ...] = ()  # steps of it
    of_visits: bool = False  # visits over time are asked for as well

    @property
    def step(self) -> Step:
        return self.interval.step

    @property
    def asked(self) -> Asked:
        return Asked(self.site, self.start_ms, self.end_ms, self.filters)


@dataclass(frozen=True, slots=True)
class Report:
    """What the activity page shows of one site over one range."""

    overview: Overview
    points: list[timeseries.Point]
    visits: list[VisitPoint]  # empty when they are not asked for
    breakdowns: dict[str, list[breakdown.Row]]  # by dimension
    properties: list[tuple[str, breakdown.Row]]  # of the event that is filtered by
    live_visitors: int
    measures: Measures
    before: Overview | None
    points_before: list[timeseries.Point]
    visits_before: list[VisitPoint]
    cut: bool  # more events than are looked at: the oldest are left out
    unknown: tuple[str, ...]  # dimensions that need the warehouse, and there is none
    funnel: list[Stage]  # empty when none is asked for, or there is no warehouse
    bots: Bots  # of all of the site, whatever it is filtered by
    reading: list[Reading]  # empty when it is not asked for
    revenue: list[Earned]


class Unreadable(Exception):
    """The figures cannot be read; the message says why."""


class ReportDesk:
    """The read side of site activity."""

    def __init__(
        self, data_dir: Path, clock: Clock, registered: RegisteredSites | None = None
    ) -> None:
        self._registered = registered
        self._path = data_dir / "rollups.db"
        self._warehouse = data_dir / "warehouse.db"
        self._clock = clock
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="reports")
        self._answers: dict[Any, tuple[float, Any]] = {}
        self._running: dict[Any, asyncio.Future[Any]] = {}

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def sites(self) -> list[sites.SiteRow]:
        """Every site that has been seen."""
        return await self._ask("sites", sites.sites)

    async def silent_sites(self) -> list[str]:
        """Sites that are registered, and that nothing came from."""
        if self._registered is None:
            return []
        seen = {row.site for row in await self.sites()}
        return [name for name in await self._registered.names() if name not in seen]

    async def live_everywhere(self) -> int:
        """Visitors of the last five minutes on all sites."""
        return await self.live_on(tuple(row.site for row in await self.sites()))

    async def live_on(self, wanted: tuple[str, ...]) -> int:
        """The same on some."""
        now_ms = self._clock.now_ms()
        return await self._ask(
            ("live", wanted), lambda db: sum(live.live(db, site, now_ms) for site in wanted)
        )

    async def crowds(self) -> list[Crowd]:
        """Visitors of each site in the last hour, and a week before."""
        now_ms = self._clock.now_ms()
        return await self._ask("crowds", lambda db: crowds.crowds(db, now_ms))

    async def report(self, question: Question) -> Report:
        """Everything about one site in one range."""
        now_ms, warehouse = self._clock.now_ms(), self._warehouse
        return await self._ask(question, lambda db: report_of(db, warehouse, question, now_ms))

    async def rows(self, question: Question, dimension: str) -> list[breakdown.Row]:
        """All values of one dimension, up to EXPORT_ROWS; raises ValueError for an unknown one."""
        opened = Opened(self._warehouse, question)

        def answer(database: Connection) -> list[breakdown.Row]:
            with closing(opened):
                return _rows(database, opened, question, dimension)

        return await self._ask((question, dimension), answer)

    async def reading(self, question: Question) -> list[Reading]:
        """All pages, up to EXPORT_ROWS."""
        opened = Opened(self._warehouse, question)

        def answer(_: Connection) -> list[Reading]:
            with closing(opened):
                return _reading(opened)

        return await self._ask((question, READING), answer)

    @asynccontextmanager
    async def lists(self, question: Question) -> AsyncIterator["Lists"]:
        """For who asks for many lists: the warehouse is opened once, and other questions get
        their turns between. Raises Unreadable."""
        opened = Opened(self._warehouse, question)
        try:
            yield Lists(self._threads, self._path, opened, question)
        finally:  # after what is asked still: there is one thread
            await asyncio.get_running_loop().run_in_executor(self._threads, opened.close)

    async def _ask(self, key: Any, answer: Callable[[Connection], T]) -> T:
        """The answer to `key`, at most a second old, or twenty times as old as it took.

        Raises Unreadable.
        """
        kept = self._answers.get(key)
        if kept is not None and self._clock.monotonic_ms() < kept[0]:
            found: T = kept[1]
            return found
        running = self._running.get(key)
        if running is None:
            loop = asyncio.get_running_loop()
            running = loop.run_in_executor(self._threads, open_and, self._path, answer)
            self._running[key] = running
            running.add_done_callback(lambda done: self._ended(key, done))
        found, took_ms = await asyncio.shield(running)  # others may wait for it as well
        if len(self._answers) >= ANSWERS_MAX:
            self._answers.clear()
        good_for_ms = max(KEPT_MS, KEPT_TIMES * took_ms)
        self._answers[key] = (self._clock.monotonic_ms() + good_for_ms, found)
        return found

    def _ended(self, key: Any, done: asyncio.Future[Any]) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # those who asked may all be gone: it is no lost error


class Opened:
    """The warehouse for one question, opened when it is first needed; for one thread."""

    def __init__(self, warehouse: Path, question: Question) -> None:
        self._warehouse = warehouse
        self._question = question
        self._found: list[Segment | None] = []  # of one, once it was asked for

    def segment(self) -> Segment | None:
        """None where there is no warehouse in SQLite."""
        if not self._found:
            self._found.append(_segment(self._warehouse, self._question.asked))
        return self._found[0]

    def close(self) -> None:
        for one in self._found:
            if one is not None:
                one.close()
        self._found.clear()


class Lists:
    """Whole lists of one question, each asked for in the desk's thread."""

    def __init__(
        self, thread: ThreadPoolExecutor, path: Path, opened: Opened, question: Question
    ) -> None:
        self._thread = thread
        self._path = path
        self._opened = opened
        self._question = question

    async def rows(self, dimension: str) -> list[breakdown.Row]:
        """All values of one dimension, up to EXPORT_ROWS; raises ValueError for an unknown one."""
        return await self._run(
            lambda database: _rows(database, self._opened, self._question, dimension)
        )

    async def reading(self) -> list[Reading]:
        """All pages, up to EXPORT_ROWS."""
        return await self._run(lambda _: _reading(self._opened))

    async def _run(self, answer: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        found, _ = await loop.run_in_executor(self._thread, open_and, self._path, answer)
        return found


def open_and(path: Path, answer: Callable[[Connection], T]) -> tuple[T, float]:
    """The answer over the rollups, and how many milliseconds of this thread it took."""
    began = time.thread_time()
    try:
        with closing(rollups.open_for_reading(path)) as database:
            return answer(database), (time.thread_time() - began) * 1000
    except (sqlite3.Error, rollups.WrongSchema) as error:
        raise Unreadable(str(error)) from error


def report_of(database: Connection, warehouse: Path, question: Question, now_ms: int) -> Report:
    """Everything about one site in one range, asked now."""
    site, start, end = question.site, question.start_ms, question.end_ms
    wanted = question.dimensions
    known = ROLLED_UP - BETTER_PACKED if warehouse.exists() else ROLLED_UP
    rolled = () if question.filters else tuple(one for one in wanted if one in known)
    rest = tuple(one for one in wanted if one not in rolled)
    single = rest or question.filters or question.funnel  # what only single events tell
    segment = _segment(warehouse, question.asked) if single else None
    try:
        found = {
            one: breakdown.breakdown(database, site, one, start, end, limit=ROWS) for one in rolled
        }
        if segment is not None:
            found |= {one: segment.breakdown(one, ROWS) for one in rest if one != READING}
        event = _event_of(question)
        totals = _drawn(_totals(database, segment, question), question)
        before = _before(database, warehouse, question)
        drawn_before = _drawn(before, question)
        return Report(
            overview=totals.overview,
            points=totals.points,
            visits=totals.visits,
            breakdowns={one: found.get(one, []) for one in wanted},
            properties=segment.properties(event, ROWS) if segment and event else [],
            live_visitors=live.live(database, site, now_ms),
            measures=_measures(database, segment, question),
            before=before.overview if before else None,
            points_before=drawn_before.points,
            visits_before=drawn_before.visits,
            cut=segment is not None and segment.cut,
            unknown=rest if segment is None else (),
            funnel=segment.funnel(question.funnel) if segment and question.funnel else [],
            bots=bots(database, site, start, end),
            reading=segment.reading(ROWS) if segment and READING in wanted else [],
            revenue=_revenue(database, segment, question),
        )
    finally:
        if segment is not None:
            segment.close()


def _event_of(question: Question) -> str | None:
    """The one event whose properties are shown."""
    named = (one for one in question.filters if one.dimension == "event" and not one.contains)
    return next((one.values[0] for one in named if len(one.values) == 1), None)


def _measures(database: Connection, segment: Segment | None, question: Question) -> Measures:
    site, period = question.site, (question.start_ms, question.end_ms)
    if not question.filters:
        found = measures.measures(database, site, *period)
        worst = measures.pages(database, site, question.vital, period, limit=ROWS)
    elif segment is not None:
        values = segment.values(question.vital)
        found, worst = measures.measures_of(values.metrics), measures.pages_of(values.pages, ROWS)
    else:
        return Measures(chosen=question.vital)
    return Measures(
        tuple(one for one in found if one.name in VITALS),
        tuple(one for one in found if one.name not in VITALS),
        question.vital,
        tuple(worst),
    )


def _revenue(database: Connection, segment: Segment | None, question: Question) -> list[Earned]:
    if question.filters:
        return segment.revenue() if segment is not None else []
    return revenue(database, question.site, question.start_ms, question.end_ms)


@dataclass(frozen=True, slots=True)
class Totals:
    """The figures of a range, and how they came about."""

    overview: Overview
    points: list[timeseries.Point]
    visits: list[VisitPoint]


def _totals(database: Connection, segment: Segment | None, question: Question) -> Totals:
    found = _overview(database, segment, question)
    if question.filters:
        if segment is None:
            return Totals(found, [], [])
        points = segment.timeseries(question.step)
        visits = segment.visits(question.step) if question.of_visits else []
    else:
        asked = (question.site, question.start_ms, question.end_ms)
        points = timeseries.timeseries(database, *asked, question.step)
        visits = visits_over_time(database, *asked, question.step) if question.of_visits else []
    return Totals(found, points, visits)


def _overview(database: Connection, segment: Segment | None, question: Question) -> Overview:
    if question.filters:
        return segment.overview() if segment is not None else Overview()
    return overview(database, question.site, question.start_ms, question.end_ms)


def _drawn(found: Totals | None, question: Question) -> Totals:
    """In the pieces of the chart; the time before in pieces of as many days as this one's."""
    if found is None:
        return Totals(Overview(), [], [])
    if question.interval not in WIDER:
        return found
    days = -(-question.end_ms // DAY_MS) - question.start_ms // DAY_MS
    pieces = lengths(question.interval, question.start_ms, days)
    return Totals(found.overview, folded(found.points, pieces), folded(found.visits, pieces))


def _before(database: Connection, warehouse: Path, question: Question) -> Totals | None:
    """The range to compare with; None without one, or when nothing was seen in it. Points of it
    are as many as the chart has: own dates may be of a longer time."""
    if question.before is None:
        return None
    start, end = question.before
    whole = replace(question, start_ms=start, end_ms=end)
    drawn = replace(whole, end_ms=min(end, start + question.end_ms - question.start_ms))
    found = _totals_of(database, warehouse, drawn)
    if whole != drawn:
        found = replace(found, overview=_overview_of(database, warehouse, whole))
    return found if found.overview.page_views or found.overview.events else None


def _totals_of(database: Connection, warehouse: Path, question: Question) -> Totals:
    with _opened(warehouse, question) as segment:
        return _totals(database, segment, question)


def _overview_of(database: Connection, warehouse: Path, question: Question) -> Overview:
    with _opened(warehouse, question) as segment:
        return _overview(database, segment, question)


@contextmanager
def _opened(warehouse: Path, question: Question) -> Iterator[Segment | None]:
    """The warehouse, where filters need it."""
    segment = _segment(warehouse, question.asked) if question.filters else None
    try:
        yield segment
    finally:
        if segment is not None:
            segment.close()


def _rows(
    database: Connection, opened: "Opened", question: Question, dimension: str
) -> list[breakdown.Row]:
    asked = question.asked
    if dimension in ROLLED_UP and not question.filters:
        return breakdown.breakdown(database, *asked[:1], dimension, *asked[1:3], limit=EXPORT_ROWS)
    segment = opened.segment()
    return [] if segment is None else segment.breakdown(dimension, EXPORT_ROWS)


def _reading(opened: "Opened") -> list[Reading]:
    segment = opened.segment()
    return [] if segment is None else segment.reading(EXPORT_ROWS)


def _segment(warehouse: Path, asked: Asked) -> Segment | None:
    """None where there is no warehouse in SQLite."""
    if not warehouse.exists():
        return None
    try:
        return Segment(warehouse, asked)
    except sqlite3.OperationalError:  # made this moment, not yet with its table
        return None
