"""Repeats: what is recognised, for how long, and what it costs."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.made_events import DAY_MS, MIDNIGHT_MS, made_event
from tests.support.manual_clock import ManualClock
from tracker import rollups
from tracker.events import Event
from tracker.reports.overview import overview
from tracker.sinks.exporter import Arrived
from tracker.stream.repeats import Repeats, event_key
from tracker.stream.rollup_sink import RollupSink
from tracker.topics import TopicPartition

WHERE = TopicPartition("events", 0)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    database = rollups.open_for_writing(tmp_path / "rollups.db")
    yield database
    database.close()


def test_uuids_keep_their_own_bytes_and_other_ids_are_hashed() -> None:
    assert event_key("00000000-0000-0000-0000-000000000007") == bytes(15) + b"\x07"
    assert len(event_key("order-17")) == 16
    assert event_key("order-17") != event_key("order-18")


def test_an_id_is_new_once(db: sqlite3.Connection) -> None:
    repeats = Repeats(db, window_days=7)

    first = repeats.first_sightings([made_event(1), made_event(1), made_event(2)], MIDNIGHT_MS)
    second = repeats.first_sightings([made_event(2), made_event(3)], MIDNIGHT_MS)

    assert [one.event.event_id[-1] for one in first] == ["1", "2"]
    assert [one.event.event_id[-1] for one in second] == ["3"]


def test_ids_older_than_the_window_are_forgotten_and_younger_ones_kept(
    db: sqlite3.Connection,
) -> None:
    repeats = Repeats(db, window_days=7)
    repeats.first_sightings([made_event(1)], MIDNIGHT_MS)
    repeats.first_sightings([made_event(2)], MIDNIGHT_MS + 2 * DAY_MS)

    repeats.prune(MIDNIGHT_MS + 8 * DAY_MS)

    kept = db.execute("SELECT event_key FROM seen").fetchall()
    assert kept == [(event_key(made_event(2).event_id),)]


def test_the_same_file_imported_again_next_year_counts_nothing_twice(tmp_path: Path) -> None:
    clock = ManualClock(MIDNIGHT_MS)
    sink = RollupSink(tmp_path / "rollups.db", clock)
    sink.open()
    sink.positions([WHERE])
    lines = [made_event(number, occurred_at=1_400_000_000_000 + number) for number in range(5)]

    for offset, received_at in ((0, MIDNIGHT_MS), (5, MIDNIGHT_MS + 365 * DAY_MS)):
        again = [_received(line, received_at) for line in lines]
        sink.write([Arrived(WHERE, offset + index, one) for index, one in enumerate(again)], {})
        sink.flush()
        clock.advance(365 * DAY_MS)
    sink.close()

    reader = rollups.open_for_reading(tmp_path / "rollups.db")
    assert overview(reader, "example.com", 0, 2**48).page_views == 5
    reader.close()


def test_an_event_from_ahead_counts_once_also_when_its_id_is_forgotten(tmp_path: Path) -> None:
    """Its clock was half a day ahead: at the end of the window it has not left the window."""
    clock = ManualClock(MIDNIGHT_MS)
    sink = RollupSink(tmp_path / "rollups.db", clock, repeat_window_days=7)
    sink.open()
    sink.positions([WHERE])
    ahead = made_event(1, occurred_at=MIDNIGHT_MS + DAY_MS // 2)

    sink.write([Arrived(WHERE, 0, ahead)], {})
    sink.flush()
    clock.advance(7 * DAY_MS + 1)
    for offset, event in ((1, made_event(2)), (2, ahead)):  # with the first the old id is forgotten
        sink.write([Arrived(WHERE, offset, event)], {})
        sink.flush()
    sink.close()

    reader = rollups.open_for_reading(tmp_path / "rollups.db")
    assert overview(reader, "example.com", 0, 2**48).page_views == 2
    reader.close()


def _received(event: Event, received_at: int) -> Event:
    return made_event(
        0, event_id=event.event_id, occurred_at=event.occurred_at, received_at=received_at
    )
