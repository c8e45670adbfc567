"""Activity with filters, of a site with most of a million events of two years, and of one with
100,000 events a day: what a page costs.

All questions of a page, as the dashboard asks them: six lists, the figures on top, the chart, and
the time before. Processor time of the thread that answers, the least of some rounds: nothing is
kept from one to the next.
"""

import sqlite3
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path

from dashboard.activity import interval
from dashboard.activity.desk import Question, report_of
from dashboard.activity.period import Known, choose
from dashboard.pages.activity import CARDS
from tests.benchmarks.past_events import BIG, DAYS, Visitors, past_events
from tests.benchmarks.plan import Plan
from tests.benchmarks.table import Row
from tests.support.manual_clock import ManualClock
from tracker import rollups
from tracker.clock import SystemClock
from tracker.events import Event
from tracker.export.packer import Packer
from tracker.export.sqlite import SqliteExporter
from tracker.reports.picked import Filter
from tracker.rollups import DAY_MS, HOUR_MS
from tracker.sinks.exporter import Arrived
from tracker.topics import TopicPartition

TITLE = "Activity with filters (a million events of two years on four sites, four fifths on one)"
EVENTS = 1_000_000
BATCH = 5_000
ROUNDS = 3
PAGE_MS_MAX = 100.0
WHERE = TopicPartition("events", 0)
MEASURED = TopicPartition("metrics", 0)
SHOWN = tuple(tabs[0][0] for _, tabs in CARDS)
"""What the cards show when the page is opened."""
MOST = (Filter("device", ("desktop",)),)
FILTERED = {
    "a page": (Filter("page", ("/",)),),
    "a country": (Filter("country", ("AC",)),),
    "all but a country": (Filter("country", ("AC",), without=True),),
    "a campaign": (Filter("campaign", ("campaign-1",)),),
    "an event": (Filter("event", ("Signup",)),),
    "a property": (Filter("prop.plan", ("pro",)),),
    "a device": MOST,
    "three of them": (*MOST, Filter("country", ("AC",), without=True), Filter("page", ("/",))),
}
BUSY_VISITORS = 38_000  # of a day on all sites: 100,000 events on the largest
BUSY_HOUR = 15  # of the last day
NOT_PACKED = 1_999  # newest events of all sites; with one more a fresh pack might be made
FUNNEL = ("/", "/docs/*", "Signup")
LISTS = ("exit_page", "reading", "campaign", "city", "screen")


def fill(path: Path, now_ms: int, days: Iterable[list[Event]]) -> None:
    """A warehouse with the events of some days, not packed."""
    sink = SqliteExporter(path, clock=ManualClock(now_ms - 2 * DAYS * DAY_MS))
    sink.open()
    written = max(sink.positions([WHERE, MEASURED]).values())
    held: list[Event] = []
    for found in chain(days, [[]]):
        held += found
        if len(held) >= BATCH or not found:
            sink.write([_arrived(one, written + at) for at, one in enumerate(held)], {})
            sink.flush()
            written += len(held)
            held = []
    sink.close()


def _arrived(event: Event, offset: int) -> Arrived:
    return Arrived(WHERE if event.metric_name is None else MEASURED, offset, event)


def pack(path: Path, now_ms: int) -> None:
    """All at once: by a clock that stands still nothing has to rest."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        packer = Packer(db, ManualClock(now_ms))
        while packer.pack_some():
            pass


def fill_busy(path: Path, now_ms: int) -> None:
    """Four days until now, two of them not settled; the newest events came after the last pack."""
    made, today = Visitors(measuring=True), now_ms // DAY_MS
    found = [one for day in range(today - 3, today + 1) for one in made.day(day, BUSY_VISITORS)]
    found = [one for one in found if one.occurred_at < now_ms]
    fill(path, now_ms, [found[:-NOT_PACKED]])
    pack(path, now_ms)
    fill(path, now_ms, [found[-NOT_PACKED:]])


def bytes_of(path: Path) -> int:
    """With nothing left in the write-ahead log."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def asked(now_ms: int, period: str, dimensions: tuple[str, ...], *filters: Filter) -> Question:
    """What the address of a page asks."""
    first_ms = (now_ms // DAY_MS - DAYS + 1) * DAY_MS
    chosen = choose(period, ("", ""), Known(first_ms, now_ms // DAY_MS * DAY_MS), now_ms)
    return Question(
        BIG,
        chosen.start_ms,
        chosen.end_ms,
        interval.chosen("", chosen.length_ms),
        dimensions,
        filters,
        chosen.before(now_ms),
        of_visits=True,
    )


def page_ms(home: Path, question: Question, now_ms: int) -> float:
    """Least of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        with closing(rollups.open_for_reading(home / "rollups.db")) as database:
            found = report_of(database, home / "warehouse.db", question, now_ms)
        rounds.append((time.thread_time() - began) * 1000)
        assert found.overview.page_views and not found.cut
    return min(rounds)


def rows(plan: Plan) -> list[Row]:
    now_ms = SystemClock().now_ms()
    busy_ms = now_ms // DAY_MS * DAY_MS + BUSY_HOUR * HOUR_MS
    with tempfile.TemporaryDirectory() as directory:
        busy = Path(directory)
        fill_busy(busy / "warehouse.db", busy_ms)
        busy_pages = {
            f"{title} of 100,000 events a day, {name}": page_ms(
                busy, asked(busy_ms, period, SHOWN, *filters), busy_ms
            )
            for period, title in (("today", "today"), ("24h", "24 hours"), ("30d", "30 days"))
            for name, filters in FILTERED.items()
        }
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        warehouse = home / "warehouse.db"
        fill(warehouse, now_ms, past_events(EVENTS, now_ms))
        began = time.thread_time()
        pack(warehouse, now_ms)
        packing_s = time.thread_time() - began
        pages = {
            f"{title}, {name}": page_ms(home, asked(now_ms, period, SHOWN, *filters), now_ms)
            for period, title in (("12mo", "12 months"), ("all", "all time"))
            for name, filters in FILTERED.items()
        }
        pages |= {
            f"{title}, a device": page_ms(home, asked(now_ms, period, SHOWN, *MOST), now_ms)
            for period, title in (("24h", "24 hours"), ("30d", "30 days"))
        }
        pages |= {
            f"all time, list {one}, a device": page_ms(
                home, asked(now_ms, "all", (one, *SHOWN[1:]), *MOST), now_ms
            )
            for one in LISTS
        }
        pages |= {
            f"all time, a funnel of three steps, {name}": page_ms(
                home, replace(asked(now_ms, "all", SHOWN, *filters), funnel=FUNNEL), now_ms
            )
            for name, filters in FILTERED.items()
        }
        size = bytes_of(warehouse)
    return [
        *(
            Row(f"page of {name}: processor time", spent, "ms", spent / PAGE_MS_MAX, "100 ms")
            for name, spent in (pages | busy_pages).items()
        ),
        Row("packing of all of it: processor time", packing_s, "s"),
        Row("warehouse.db", size / 1e6, "MB"),
    ]
