"""Packs of measured values tell what the values tell, whatever comes when."""

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
from tests.support.told_segments import (
    MEASURED,
    busy,
    exporter,
    filters,
    measured,
    store,
    told,
)
from tracker.events import Event
from tracker.export import measured as packing
from tracker.reports import values
from tracker.reports.measures import measures_of
from tracker.reports.picked import Asked, Filter
from tracker.reports.segment import Segment
from tracker.rollups import HOUR_MS

SITE = "example.com"
REST_MS = 120_000
LATER_MS = MIDNIGHT_MS + 10 * DAY_MS
DAY = Asked(SITE, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, (Filter("country", ("DE",)),))


@contextmanager
def bounds(rows: int, least: int, most: int) -> Iterator[None]:
    """Of packs: visitors of an hour in a block, and values that are worth one and fit into one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "ROWS", rows)
        patch.setattr(packing, "VALUES_MIN", least)
        patch.setattr(packing, "VALUES_MAX", most)
        yield


def blocks(home: Path) -> list[tuple[str, int, int]]:
    """Site, rows and values of each, the oldest first."""
    with closing(sqlite3.connect(home / "warehouse.db")) as db:
        select = "SELECT site_id, rows, rowids FROM measure_packs ORDER BY site_id, until"
        return db.execute(select).fetchall()


def value(number: int, visitor: str = "ann", **fields: Any) -> Event:
    known: dict[str, Any] = {
        "metric_name": "lcp",
        "metric_value": 100.0 * number,
        "visitor_id": visitor,
    }
    return made_event(event_id=f"value-{number}", **(known | fields))


def lcp(home: Path, asked: Asked = DAY) -> int:
    """How many values these visitors measured."""
    with closing(Segment(home / "warehouse.db", asked)) as segment:
        return sum(one.spread.values for one in measures_of(segment.values("lcp").metrics))


@settings(max_examples=40)
@given(
    busy(),
    measured(),
    st.lists(st.integers(0, 20), max_size=4),
    filters,
    st.integers(-1, 60),
    st.integers(1, 3),
)
def test_packed_values_tell_what_the_values_tell(
    found: list[Event],
    values: list[Event],
    flushed_at: list[int],
    wanted: tuple[Filter, ...],
    first_hour: int,
    rows: int,
) -> None:
    """Values come in any order, before events and after them; what came last is in no pack."""
    start_ms = MIDNIGHT_MS + first_hour * HOUR_MS + 1
    asked = Asked(SITE, start_ms, start_ms + 30 * HOUR_MS, wanted)
    clock = ManualClock(LATER_MS)
    with TemporaryDirectory() as directory:
        loose, packed = Path(directory) / "loose", Path(directory) / "packed"
        loose.mkdir()
        packed.mkdir()
        with exporter(loose, ManualClock(MIDNIGHT_MS - DAY_MS)) as sink:
            store(sink, found)
            store(sink, values, MEASURED)
        with bounds(rows, least=2, most=4), exporter(packed, clock) as sink:
            ends = [*sorted(flushed_at), len(values)]
            for begin, end in zip([0, *ends], ends, strict=False):
                store(sink, values[begin:end], MEASURED)
                clock.advance(REST_MS)
            store(sink, found)
        assert blocks(loose) == []

        assert told(packed, asked)["measures"] == told(loose, asked)["measures"]


def test_values_are_those_of_visitors_who_fit_in_hours_that_the_range_touches(
    tmp_path: Path,
) -> None:
    """As without filters; who did nothing in the range itself is not among them."""
    morning = Asked(SITE, MIDNIGHT_MS + HOUR_MS + 1, MIDNIGHT_MS + 2 * HOUR_MS + 1, DAY.filters)
    then: dict[str, Any] = {"country": "DE", "occurred_at": morning.start_ms}
    seen = [
        made_event(1, visitor_id="ann", **then),
        made_event(2, visitor_id="bob", **(then | {"country": "FR"})),
        made_event(3, visitor_id="cid", **(then | {"occurred_at": MIDNIGHT_MS})),
    ]
    times = (HOUR_MS - 1, HOUR_MS, 3 * HOUR_MS - 1, 3 * HOUR_MS)
    measured = [
        value(4 * place + number, visitor, occurred_at=MIDNIGHT_MS + at_ms)
        for place, visitor in enumerate(("ann", "bob", "cid"))
        for number, at_ms in enumerate(times)
    ]
    with bounds(rows=9, least=1, most=99), exporter(tmp_path, ManualClock(LATER_MS)) as sink:
        store(sink, seen)
        before = lcp(tmp_path, morning)
        store(sink, measured, MEASURED)
        loose = lcp(tmp_path, morning)
        sink.flush()

    assert (before, loose, lcp(tmp_path, morning)) == (0, 2, 2)


def test_few_values_wait_and_the_last_block_is_made_anew_until_it_is_full(tmp_path: Path) -> None:
    clock = ManualClock(LATER_MS)
    seen = []
    with bounds(rows=2, least=2, most=9), exporter(tmp_path, clock) as sink:
        for number, visitor in enumerate(("ann", "ann", "bob", "cid", "ann", "dan"), start=1):
            store(sink, [value(number, visitor)], MEASURED)
            clock.advance(REST_MS)
            seen.append([one[1:] for one in blocks(tmp_path)])

    assert seen == [[], [(1, 2)], [(1, 2)], [(3, 4)], [(3, 4)], [(3, 4), (2, 2)]]


def test_values_of_bots_fill_no_block_and_are_passed_over_once(tmp_path: Path) -> None:
    clock = ManualClock(LATER_MS)
    with bounds(rows=2, least=2, most=9), exporter(tmp_path, clock) as sink:
        store(sink, [value(number, is_bot=True) for number in range(4)], MEASURED)
        clock.advance(REST_MS)
        sink.flush()

    assert blocks(tmp_path) == [(SITE, 0, 4)]
    assert lcp(tmp_path) == 0


def test_more_visitors_than_are_looked_at_leave_the_oldest_values_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "ROWS_MAX", 1)
    clock = ManualClock(LATER_MS)
    with bounds(rows=1, least=1, most=9), exporter(tmp_path, clock) as sink:
        store(sink, [made_event(1, visitor_id="ann", country="DE")])
        for number in (1, 2):
            store(sink, [value(number)], MEASURED)
            clock.advance(REST_MS)
            sink.flush()
            clock.advance(REST_MS)

    assert blocks(tmp_path) == [(SITE, 1, 1)] * 2
    assert lcp(tmp_path) == 1


@pytest.mark.parametrize(
    "earlier",
    ["DROP TABLE measure_packs; DROP TABLE measure_columns", "UPDATE measure_packs SET layout = 0"],
)
def test_a_file_from_before_gets_its_values_packed(tmp_path: Path, earlier: str) -> None:
    clock = ManualClock(LATER_MS)
    with bounds(rows=9, least=1, most=9):
        with exporter(tmp_path, clock) as sink:
            store(sink, [made_event(1, visitor_id="ann", country="DE")])
            store(sink, [value(1), value(2)], MEASURED)
            clock.advance(REST_MS)
            sink.flush()
        packed = blocks(tmp_path)
        with closing(sqlite3.connect(tmp_path / "warehouse.db")) as db:
            db.executescript(earlier)
            db.execute("DROP INDEX idx_metrics_site_id")
        before = lcp(tmp_path)
        with exporter(tmp_path, clock) as sink:
            sink.flush()

    assert packed == blocks(tmp_path) == [(SITE, 1, 2)]
    assert before == lcp(tmp_path) == 2


def test_a_file_without_a_table_of_values_has_none(tmp_path: Path) -> None:
    with exporter(tmp_path, ManualClock(LATER_MS)) as sink:
        store(sink, [made_event(1, visitor_id="ann", country="DE")])
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as db:
        db.execute("DROP TABLE metrics")

    assert lcp(tmp_path) == 0
