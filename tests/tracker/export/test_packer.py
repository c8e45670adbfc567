"""Packed days tell what their events tell, whatever comes late."""

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.made_events import DAY_MS, MIDNIGHT_MS, made_event
from tests.support.manual_clock import ManualClock
from tests.support.seen_visits import store_visits
from tests.support.told_segments import busy, exporter, filters, store, told
from tracker.events import Event
from tracker.export import packer
from tracker.reports.picked import Asked, Filter
from tracker.reports.segment import Segment
from tracker.rollups import Step

SITE = "example.com"
LATER_MS = MIDNIGHT_MS + 10 * DAY_MS


def packs(home: Path) -> list[tuple[str, int, int]]:
    """Site, first and end day after MIDNIGHT_MS of each pack."""
    with closing(sqlite3.connect(home / "warehouse.db")) as db:
        rows = db.execute("SELECT site_id, first_day, end_day FROM packs ORDER BY 1, 2, part")
        day = MIDNIGHT_MS // DAY_MS
        return [(site, first - day, end - day) for site, first, end in rows]


def view(number: int, day: int, visitor: str = "ann", **fields: Any) -> Event:
    at_ms = MIDNIGHT_MS + day * DAY_MS + number * 1_000
    return made_event(number, occurred_at=at_ms, visitor_id=f"{visitor}-{day}", **fields)


@settings(max_examples=40)
@given(busy(), filters, st.integers(-1, 60), st.integers(10, 110))
def test_packed_days_tell_what_their_events_tell(
    found: list[Event], wanted: tuple[Filter, ...], first_hour: int, hours: int
) -> None:
    """Over any range: it may begin and end within a day."""
    start_ms = MIDNIGHT_MS + first_hour * 3_600_000
    asked = Asked(SITE, start_ms, start_ms + hours * 3_600_000, wanted)
    with TemporaryDirectory() as directory:
        loose, packed = Path(directory) / "loose", Path(directory) / "packed"
        for home, now_ms in ((loose, MIDNIGHT_MS), (packed, LATER_MS)):
            home.mkdir()
            store_visits(home, found, MIDNIGHT_MS, packed_ms=now_ms)

        assert told(packed, asked) == told(loose, asked)
        assert packs(loose) == []
        assert {one.site_id for one in found} == {site for site, _, _ in packs(packed)}


def test_today_and_the_day_before_are_not_packed(tmp_path: Path) -> None:
    with exporter(tmp_path, ManualClock(MIDNIGHT_MS + 3 * DAY_MS)) as sink:
        store(sink, [view(1, 0), view(2, 1), view(3, 2), view(4, 3)])

    assert packs(tmp_path) == [(SITE, 0, 2)]


def test_a_day_that_is_over_joins_the_pack_before_it_while_that_has_room(tmp_path: Path) -> None:
    for day in (2, 3, 4):
        with exporter(tmp_path, ManualClock(MIDNIGHT_MS + day * DAY_MS)) as sink:
            store(sink, [view(day, day - 2)])

    assert packs(tmp_path) == [(SITE, 0, 3)]


def test_a_late_event_is_told_at_once_and_packed_anew(tmp_path: Path) -> None:
    asked = Asked(SITE, MIDNIGHT_MS, MIDNIGHT_MS + 3 * DAY_MS)
    clock = ManualClock(LATER_MS)
    with exporter(tmp_path, clock) as sink:
        store(sink, [view(1, 0), view(2, 1), view(3, 2)])
        before = packs(tmp_path)
        sink.flush()  # nothing is left to pack: it rests
        store(sink, [view(4, 1, "bob")])
        between, overview = packs(tmp_path), told(tmp_path, asked)["overview"]
        clock.advance(60_000)
        sink.flush()
        after = packs(tmp_path)

    assert before == after == [(SITE, 0, 9)]
    assert between == []
    assert overview.visitors == told(tmp_path, asked)["overview"].visitors == 4


def test_a_late_event_that_is_rolled_back_takes_no_pack_away(tmp_path: Path) -> None:
    with exporter(tmp_path, ManualClock(LATER_MS)) as sink:
        store(sink, [view(1, 0)])
        with closing(sqlite3.connect(tmp_path / "warehouse.db", isolation_level=None)) as db:
            db.execute(
                "CREATE TRIGGER full BEFORE UPDATE ON _offsets BEGIN SELECT raise(ABORT, 'no'); END"
            )
        with pytest.raises(sqlite3.IntegrityError):
            store(sink, [view(2, 0)])

    assert packs(tmp_path) == [(SITE, 0, 9)]


def test_a_day_of_many_visitors_has_several_packs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packer, "ROWS", 2)
    asked = Asked(SITE, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, (Filter("page", ("/",)),))
    with exporter(tmp_path, ManualClock(LATER_MS)) as sink:
        store(sink, [view(number, 0, f"visitor-{number}") for number in range(1, 8)])
        several = packs(tmp_path)
        store(sink, [view(9, 0, "late")])

    assert several == [(SITE, 0, 1)] * 4
    assert told(tmp_path, asked)["overview"].visitors == 8


def test_a_day_of_too_many_events_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packer, "EVENTS_MAX", 2)
    crowd = [view(number, 1, f"visitor-{number}") for number in range(3, 8)]
    with exporter(tmp_path, ManualClock(LATER_MS)) as sink:
        store(sink, [view(1, 0), *crowd, view(9, 2)])
        sink.flush()

    assert packs(tmp_path) == [(SITE, 0, 1), (SITE, 2, 9)]
    asked = Asked(SITE, MIDNIGHT_MS, MIDNIGHT_MS + 3 * DAY_MS)
    assert told(tmp_path, asked)["overview"].page_views == 7


def test_a_file_from_before_there_were_packs_gets_them(tmp_path: Path) -> None:
    store_visits(tmp_path, [view(1, 0), view(2, 1)], MIDNIGHT_MS)
    with closing(sqlite3.connect(tmp_path / "warehouse.db", isolation_level=None)) as db:
        db.execute("DROP TABLE packs")
        db.execute("DROP TABLE pack_columns")
        db.execute("PRAGMA user_version = 1")
    asked = Asked(SITE, MIDNIGHT_MS, MIDNIGHT_MS + 2 * DAY_MS)
    before = told(tmp_path, asked)

    with exporter(tmp_path, ManualClock(LATER_MS)) as sink:
        sink.flush()

    assert packs(tmp_path) == [(SITE, 0, 9)]
    assert told(tmp_path, asked) == before


@pytest.mark.parametrize(
    "earlier", ["ALTER TABLE packs DROP COLUMN until", "UPDATE packs SET layout = 2"]
)
def test_packs_of_an_earlier_layout_are_made_anew(tmp_path: Path, earlier: str) -> None:
    store_visits(tmp_path, [view(1, 0), view(2, 1)], MIDNIGHT_MS, packed_ms=LATER_MS)
    asked = Asked(SITE, MIDNIGHT_MS, MIDNIGHT_MS + 2 * DAY_MS)
    whole = told(tmp_path, asked)
    with closing(sqlite3.connect(tmp_path / "warehouse.db", isolation_level=None)) as db:
        db.execute(earlier)
        db.execute("DELETE FROM pack_columns WHERE name = 'path'")
    before = told(tmp_path, asked)

    with exporter(tmp_path, ManualClock(LATER_MS)) as sink:
        opened = packs(tmp_path)
        sink.flush()

    assert opened == []
    assert packs(tmp_path) == [(SITE, 0, 9)]
    assert before == told(tmp_path, asked) == whole


def test_a_full_disk_keeps_days_from_being_packed_and_nothing_else(tmp_path: Path) -> None:
    clock = ManualClock(LATER_MS)
    crowd = [view(number, 0, f"v{number}", pathname=f"/{number:0300}") for number in range(1, 200)]
    with exporter(tmp_path, ManualClock(MIDNIGHT_MS)) as sink:
        store(sink, crowd)
    with closing(sqlite3.connect(tmp_path / "warehouse.db", isolation_level=None)) as db:
        pages = "SELECT * FROM pragma_page_count"
        db.execute(f"PRAGMA max_page_count = {db.execute(pages).fetchone()[0]}")
        mine = packer.Packer(db, clock)

        assert not mine.pack_some()
        db.execute("PRAGMA max_page_count = 1000000")
        clock.advance(60_000)
        assert mine.pack_some()


def test_properties_that_somebody_spoiled_end_nothing(tmp_path: Path) -> None:
    with exporter(tmp_path, ManualClock(MIDNIGHT_MS)) as sink:
        store(sink, [view(1, 0, props={"plan": "pro"}), view(2, 0)])
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as db, db:
        db.execute("UPDATE events SET props = 'no JSON' WHERE kafka_offset = 0")

    with exporter(tmp_path, ManualClock(LATER_MS)) as sink:
        sink.flush()

    assert packs(tmp_path) == [(SITE, 0, 9)]


def test_more_packed_visitors_than_are_looked_at_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest are left out, packed or not."""
    monkeypatch.setattr(packer, "ROWS", 1)
    asked = Asked(SITE, MIDNIGHT_MS, MIDNIGHT_MS + 4 * DAY_MS)
    with exporter(tmp_path, ManualClock(LATER_MS)) as sink:
        store(sink, [view(number + 1, number) for number in range(4)])
        for _ in range(4):
            sink.flush()

    with closing(Segment(tmp_path / "warehouse.db", asked, rows_max=2)) as some:
        assert (some.overview().visitors, some.cut) == (2, True)
        assert [point.visitors for point in some.timeseries(Step.DAY)] == [0, 0, 1, 1]
    with closing(Segment(tmp_path / "warehouse.db", asked, rows_max=4)) as everything:
        assert (everything.overview().visitors, everything.cut) == (4, False)
