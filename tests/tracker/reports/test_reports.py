"""Reports: empty states, edges, and the words they use."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.made_events import DAY_MS, MIDNIGHT_MS, made_event
from tests.support.manual_clock import ManualClock
from tracker import rollups
from tracker.events import Event
from tracker.reports.bots import Bots, bots
from tracker.reports.breakdown import Row, breakdown
from tracker.reports.live import live
from tracker.reports.overview import Overview, overview
from tracker.reports.sites import SiteRow, sites
from tracker.reports.timeseries import Point, timeseries
from tracker.rollups import Dimension
from tracker.sinks.exporter import Arrived
from tracker.sqlite_file import SchemaTooNew
from tracker.stream.rollup_sink import RollupSink
from tracker.topics import TopicPartition

SITE = "example.com"
WHERE = TopicPartition("events", 0)
MINUTE_MS = 60_000


def counted(path: Path, *events: Event, now_ms: int = MIDNIGHT_MS) -> sqlite3.Connection:
    sink = RollupSink(path / "rollups.db", ManualClock(now_ms))
    sink.open()
    sink.positions([WHERE])
    sink.write([Arrived(WHERE, offset, one) for offset, one in enumerate(events)], {})
    sink.flush()
    sink.close()
    return rollups.open_for_reading(path / "rollups.db")


@pytest.fixture
def nothing(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    db = rollups.open_for_reading(tmp_path / "not-yet.db")
    yield db
    db.close()


def test_before_the_first_event_everything_is_zero(nothing: sqlite3.Connection) -> None:
    day = (MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)

    assert overview(nothing, SITE, *day) == Overview()
    assert overview(nothing, SITE, *day).bounce_ratio is None
    assert bots(nothing, SITE, *day) == Bots()
    assert live(nothing, SITE, MIDNIGHT_MS) == 0
    assert sites(nothing) == []
    assert all(breakdown(nothing, SITE, one, *day) == [] for one in Dimension)
    assert timeseries(nothing, SITE, *day, "hour") == [
        Point(MIDNIGHT_MS + hour * 3_600_000, 0, 0) for hour in range(24)
    ]


def test_a_reversed_or_empty_range_holds_nothing(tmp_path: Path) -> None:
    db = counted(tmp_path, made_event(1))

    for start, end in ((MIDNIGHT_MS, MIDNIGHT_MS), (MIDNIGHT_MS + 1, MIDNIGHT_MS - 1)):
        assert overview(db, SITE, start, end) == Overview()
        assert timeseries(db, SITE, start, end, "minute") == []
        assert breakdown(db, SITE, "page", start, end) == []
        assert breakdown(db, SITE, "entry_page", start, end) == []
    db.close()


def test_more_points_than_anybody_can_draw_are_refused(nothing: sqlite3.Connection) -> None:
    with pytest.raises(ValueError, match="10080 points of one minute are more than 10000"):
        timeseries(nothing, SITE, MIDNIGHT_MS, MIDNIGHT_MS + 7 * DAY_MS, "minute")


def test_an_unknown_step_or_dimension_is_refused(nothing: sqlite3.Connection) -> None:
    with pytest.raises(ValueError, match="fortnight"):
        timeseries(nothing, SITE, 0, 1, "fortnight")
    with pytest.raises(ValueError, match="colour"):
        breakdown(nothing, SITE, "colour", 0, 1)


def test_the_end_of_a_range_is_not_in_it(tmp_path: Path) -> None:
    db = counted(tmp_path, made_event(1, occurred_at=MIDNIGHT_MS))

    assert overview(db, SITE, MIDNIGHT_MS - 5, MIDNIGHT_MS).page_views == 0
    assert overview(db, SITE, MIDNIGHT_MS, MIDNIGHT_MS + 1).page_views == 1
    db.close()


def test_a_visitor_of_two_days_counts_on_each(tmp_path: Path) -> None:
    """Ids change at midnight; one that a server-side sender kept is counted in the same way."""
    db = counted(
        tmp_path, made_event(1), made_event(2, occurred_at=MIDNIGHT_MS + DAY_MS, visitor_id="x")
    )

    assert overview(db, SITE, MIDNIGHT_MS, MIDNIGHT_MS + 2 * DAY_MS).visitors == 2
    db.close()


def test_breakdowns_name_the_most_seen_first_and_no_more_than_asked(tmp_path: Path) -> None:
    paths = ["/b", "/a", "/c", "/c"]
    db = counted(
        tmp_path,
        *(
            made_event(number, pathname=path, visitor_id=str(number))
            for number, path in enumerate(paths)
        ),
    )

    rows = breakdown(db, SITE, "page", MIDNIGHT_MS, MIDNIGHT_MS + 1, limit=2)

    assert rows == [Row("/c", 2, 2), Row("/a", 1, 1)]
    db.close()


def test_browsers_systems_and_devices_are_broken_down(tmp_path: Path) -> None:
    event = made_event(1, browser="Firefox", os="Linux", device_type="desktop", country="DE")
    db = counted(tmp_path, event)
    day = (MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)

    found = {one: breakdown(db, SITE, one, *day)[0].value for one in Dimension if one != "event"}

    assert found == {
        "page": "/",
        "source": "Direct",
        "country": "DE",
        "entry_page": "/",
        "browser": "Firefox",
        "os": "Linux",
        "device": "desktop",
    }
    db.close()


def test_live_visitors_are_those_of_five_minutes(tmp_path: Path) -> None:
    now_ms = MIDNIGHT_MS + 10 * MINUTE_MS
    db = counted(
        tmp_path,
        made_event(1, visitor_id="now", occurred_at=now_ms),
        made_event(2, visitor_id="now", occurred_at=now_ms - MINUTE_MS),
        made_event(3, visitor_id="just", occurred_at=now_ms - 5 * MINUTE_MS + 1),
        made_event(4, visitor_id="gone", occurred_at=now_ms - 5 * MINUTE_MS),
        made_event(5, visitor_id="bot", occurred_at=now_ms, is_bot=True),
        made_event(6, visitor_id="file", occurred_at=now_ms, event_name="asset"),
        made_event(7, visitor_id="past", occurred_at=1_400_000_000_000),
        now_ms=now_ms,
    )

    assert live(db, SITE, now_ms) == 2
    assert db.execute("SELECT count(*) FROM live WHERE visitor_id = 'past'").fetchone() == (0,)
    db.close()


def test_an_import_of_old_days_lands_in_them(tmp_path: Path) -> None:
    may_2015 = 1_431_857_103_000  # 2015-05-17T10:05:03Z
    db = counted(tmp_path, made_event(1, occurred_at=may_2015))

    points = timeseries(db, SITE, may_2015 - 3 * DAY_MS, may_2015 + 3 * DAY_MS, "day")

    assert [point.page_views for point in points] == [0, 0, 0, 1, 0, 0, 0]
    day_ms = may_2015 // DAY_MS * DAY_MS
    assert sites(db) == [SiteRow(SITE, 1, day_ms, day_ms)]
    db.close()


def test_a_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    counted(tmp_path).close()
    db = sqlite3.connect(tmp_path / "rollups.db")
    db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(rollups.WrongSchema, match="has schema 99"):
        rollups.open_for_reading(tmp_path / "rollups.db")
    with pytest.raises(SchemaTooNew, match="schema 99, which is newer"):
        rollups.open_for_writing(tmp_path / "rollups.db")


def test_no_report_walks_a_whole_table(tmp_path: Path) -> None:
    db = counted(tmp_path, *(made_event(number) for number in range(3)))
    statements: list[str] = []
    db.set_trace_callback(statements.append)
    odd = (MIDNIGHT_MS - DAY_MS - 90_001, MIDNIGHT_MS + 2 * DAY_MS + 3_700_001)
    overview(db, SITE, *odd)
    timeseries(db, SITE, *odd, "day")
    for dimension in Dimension:
        breakdown(db, SITE, dimension, *odd)
    bots(db, SITE, *odd)
    live(db, SITE, MIDNIGHT_MS)
    db.set_trace_callback(None)

    plans = [
        row[3]
        for statement in statements
        if statement.startswith(("SELECT", "WITH"))
        for row in db.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]

    tables = ("hits", "hourly", "daily", "presence", "sessions", "session_hours", "bot_hours")
    assert [plan for plan in plans if plan.startswith(tuple(f"SCAN {one}" for one in tables))] == []
    assert any(plan.startswith("SEARCH hits") for plan in plans)
    db.close()
