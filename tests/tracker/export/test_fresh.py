"""Fresh packs of days that are not settled tell what their events tell, whatever comes when."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.made_events import DAY_MS, MIDNIGHT_MS, made_event
from tests.support.manual_clock import ManualClock
from tests.support.told_segments import busy, exporter, filters, store, told
from tracker.events import Event
from tracker.export import fresh
from tracker.reports.picked import Asked, Filter
from tracker.reports.segment import Segment
from tracker.rollups import Step

SITE = "example.com"
DAY = MIDNIGHT_MS // DAY_MS
REST_MS = 120_000
LONG_AGO_MS = MIDNIGHT_MS - 10 * DAY_MS


@contextmanager
def bounds(rows: int, least: int, most: int) -> Iterator[None]:
    """Of fresh packs: visitors of a part, and events that are worth one and fit into one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fresh, "ROWS", rows)
        patch.setattr(fresh, "EVENTS_MIN", least)
        patch.setattr(fresh, "EVENTS_MAX", most)
        yield


def parts(home: Path) -> list[tuple[int, int, int, bool]]:
    """Day after MIDNIGHT_MS, rows, rows that a later part has, and whether it is fresh."""
    with closing(sqlite3.connect(home / "warehouse.db")) as db:
        rows = db.execute(
            "SELECT first_day, rows, gone, until IS NOT NULL FROM packs ORDER BY first_day, part"
        ).fetchall()
    return [
        (day - DAY, rows, int.from_bytes(gone or b"", "little").bit_count(), bool(is_fresh))
        for day, rows, gone, is_fresh in rows
    ]


def view(number: int, visitor: str, minute: int, **fields: Any) -> Event:
    at_ms = MIDNIGHT_MS + minute * 60_000
    return made_event(number, occurred_at=at_ms, visitor_id=visitor, **fields)


@settings(max_examples=40)
@given(
    busy(),
    st.lists(st.integers(0, 12), max_size=4),
    filters,
    st.integers(-1, 60),
    st.integers(10, 110),
    st.integers(1, 3),
)
def test_days_that_go_on_tell_what_their_events_tell(
    found: list[Event],
    flushed_at: list[int],
    wanted: tuple[Filter, ...],
    first_hour: int,
    hours: int,
    rows: int,
) -> None:
    """Events come in any order; the day before yesterday is settled, two are not; what came last
    is in no pack."""
    start_ms = MIDNIGHT_MS + first_hour * 3_600_000
    asked = Asked(SITE, start_ms, start_ms + hours * 3_600_000, wanted)
    clock = ManualClock(MIDNIGHT_MS + 2 * DAY_MS)
    with TemporaryDirectory() as directory, bounds(rows, least=2, most=3):
        loose, packed = Path(directory) / "loose", Path(directory) / "packed"
        loose.mkdir()
        packed.mkdir()
        with exporter(loose, ManualClock(LONG_AGO_MS)) as sink:
            store(sink, found)
        with exporter(packed, clock) as sink:
            ends = [*sorted(flushed_at), len(found)]
            for begin, end in zip([0, *ends], ends, strict=False):
                store(sink, found[begin:end])
                clock.advance(REST_MS)
        assert parts(loose) == []

        assert told(packed, asked) == told(loose, asked)


def test_few_events_get_no_fresh_pack(tmp_path: Path) -> None:
    clock = ManualClock(MIDNIGHT_MS + DAY_MS // 2)
    with bounds(rows=9, least=3, most=9), exporter(tmp_path, clock) as sink:
        store(sink, [view(1, "ann", 0), view(2, "bob", 1)])
        few = parts(tmp_path)
        clock.advance(REST_MS)
        store(sink, [view(3, "cid", 2)])

    assert few == []
    assert parts(tmp_path) == [(0, 3, 0, True)]


def test_the_last_part_of_a_day_is_made_anew_until_it_is_full(tmp_path: Path) -> None:
    clock = ManualClock(MIDNIGHT_MS + DAY_MS // 2)
    seen = []
    with bounds(rows=2, least=1, most=9), exporter(tmp_path, clock) as sink:
        for number, visitor in enumerate(("ann", "bob", "cid", "ann"), start=1):
            store(sink, [view(number, visitor, number)])
            clock.advance(REST_MS)
            seen.append([(rows, gone) for _, rows, gone, _ in parts(tmp_path)])

    assert seen == [[(1, 0)], [(2, 0)], [(2, 0), (1, 0)], [(2, 1), (2, 0)]]


def test_who_comes_after_the_day_was_packed_is_counted_at_once_and_whole(tmp_path: Path) -> None:
    """Ann is in the pack with one view; her visit goes on, and a bot comes."""
    clock = ManualClock(MIDNIGHT_MS + DAY_MS // 2)
    asked = Asked(SITE, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, (Filter("page", ("/",)),))
    with bounds(rows=9, least=2, most=9), exporter(tmp_path, clock) as sink:
        store(sink, [view(1, "ann", 0), view(2, "bob", 1)])
        store(sink, [view(3, "ann", 2, pathname="/b"), view(4, "bob", 3, is_bot=True)])

    with closing(Segment(tmp_path / "warehouse.db", asked)) as segment:
        overview = segment.overview()
        funnel = [one.visitors for one in segment.funnel(("/", "/b"))]
    assert (overview.visitors, overview.page_views, overview.bounces) == (2, 3, 1)
    assert funnel == [2, 1]


def test_a_settled_pack_takes_the_place_of_fresh_ones(tmp_path: Path) -> None:
    clock = ManualClock(MIDNIGHT_MS + DAY_MS // 2)
    with bounds(rows=1, least=1, most=9), exporter(tmp_path, clock) as sink:
        for number, visitor in enumerate(("ann", "bob"), start=1):
            store(sink, [view(number, visitor, number)])
            clock.advance(REST_MS)
        going_on = parts(tmp_path)
        clock.advance(2 * DAY_MS)
        sink.flush()

    assert going_on == [(0, 1, 0, True), (0, 1, 0, True)]
    assert parts(tmp_path) == [(0, 2, 0, False)]


def test_minutes_of_packed_days_are_told_from_events(tmp_path: Path) -> None:
    clock = ManualClock(MIDNIGHT_MS + DAY_MS // 2)
    asked = Asked(SITE, MIDNIGHT_MS, MIDNIGHT_MS + 3 * 60_000)
    with bounds(rows=9, least=1, most=9), exporter(tmp_path, clock) as sink:
        store(sink, [view(1, "ann", 0), view(2, "bob", 2), view(3, "bob", 9)])

    with closing(Segment(tmp_path / "warehouse.db", asked)) as segment:
        assert [point.page_views for point in segment.timeseries(Step.MINUTE)] == [1, 0, 1]
        assert [point.visits for point in segment.visits(Step.MINUTE)] == [1, 0, 1]
    assert parts(tmp_path) == [(0, 2, 0, True)]
