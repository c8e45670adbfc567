"""The warehouse: what its table looks like, and how it grows with new versions."""

import sqlite3
from pathlib import Path

import pytest

from tests.support.made_events import MIDNIGHT_MS, made_event
from tracker.events import Event
from tracker.export.sqlite import SqliteExporter, event_columns
from tracker.sinks.exporter import Arrived, SinkUnavailable
from tracker.topics import TopicPartition

WHERE = TopicPartition("events", 2)
MEASURED = TopicPartition("metrics", 0)


def exported(path: Path, *events: Event, where: TopicPartition = WHERE) -> sqlite3.Connection:
    sink = SqliteExporter(path)
    sink.open()
    sink.positions([where])
    sink.write([Arrived(where, offset, one) for offset, one in enumerate(events)], {})
    sink.flush()
    sink.close()
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    return db


def test_a_row_is_the_event_and_its_place_in_the_log(tmp_path: Path) -> None:
    event = made_event(
        5, props={"plan": "pro", "seats": 3, "trial": True}, is_bot=True, metric_value=1.5
    )

    db = exported(tmp_path / "warehouse.db", event)

    row = db.execute("SELECT * FROM events").fetchone()
    assert row["event_id"] == "00000000-0000-0000-0000-000000000005"
    assert (row["pathname"], row["occurred_at"], row["is_bot"]) == ("/", MIDNIGHT_MS, 1)
    assert (row["country"], row["metric_value"]) == (None, 1.5)
    assert db.execute("SELECT props ->> '$.seats' FROM events").fetchone()[0] == 3
    assert (row["kafka_topic"], row["kafka_partition"], row["kafka_offset"]) == ("events", 2, 0)
    db.close()


def test_a_measured_value_is_a_row_of_its_own_table(tmp_path: Path) -> None:
    measured = made_event(5, event_id="five-lcp", metric_name="lcp", metric_value=1234.5)

    db = exported(tmp_path / "warehouse.db", measured, measured, where=MEASURED)

    (row,) = db.execute("SELECT * FROM metrics").fetchall()
    assert (row["event_id"], row["metric_name"], row["metric_value"]) == ("five-lcp", "lcp", 1234.5)
    assert (row["kafka_topic"], row["kafka_partition"], row["kafka_offset"]) == ("metrics", 0, 0)
    assert db.execute("SELECT count(*) FROM events").fetchone()[0] == 0
    db.close()


def test_rows_whose_offsets_cannot_be_written_are_none(tmp_path: Path) -> None:
    """Where to go on is written in the transaction of the rows, not after it."""
    sink = SqliteExporter(tmp_path / "warehouse.db")
    sink.open()
    sink.positions([WHERE])
    db = sqlite3.connect(tmp_path / "warehouse.db", isolation_level=None)
    db.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON _offsets BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    sink.write([Arrived(WHERE, 0, made_event(1))], {})
    with pytest.raises(sqlite3.IntegrityError, match="no"):
        sink.flush()
    rows = [db.execute("SELECT count(*) FROM events").fetchone()[0]]

    db.execute("DROP TRIGGER refuse")
    sink.flush()
    rows.append(db.execute("SELECT count(*) FROM events").fetchone()[0])
    sink.close()
    db.close()

    assert rows == [0, 1]


def test_a_warehouse_of_an_older_version_gets_the_table_of_metrics(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.db"
    exported(path, made_event(1, title="kept")).close()
    with sqlite3.connect(path) as old:
        old.execute("DROP TABLE metrics")
    old.close()

    db = exported(path, made_event(2, metric_name="checkout_ms", metric_value=7.0), where=MEASURED)

    assert db.execute("SELECT title FROM events").fetchone()[0] == "kept"
    assert db.execute("SELECT metric_value FROM metrics").fetchone()[0] == 7.0
    db.close()


@pytest.mark.parametrize("table", ["events", "metrics"])
def test_every_field_of_an_event_is_a_column(tmp_path: Path, table: str) -> None:
    db = exported(tmp_path / "warehouse.db")

    columns = {row["name"]: row["type"] for row in db.execute(f"PRAGMA table_info({table})")}

    assert set(Event.__struct_fields__) < set(columns)
    assert columns["occurred_at"] == "INTEGER"
    assert columns["metric_value"] in ("REAL", "FLOAT")
    assert columns["props"] == "TEXT"
    db.close()


def test_a_warehouse_of_an_older_version_gets_the_new_columns_and_keeps_its_rows(
    tmp_path: Path,
) -> None:
    path = tmp_path / "warehouse.db"
    exported(path, made_event(1, title="kept")).close()
    db = sqlite3.connect(path)
    db.execute("ALTER TABLE events DROP COLUMN scroll_depth")
    db.execute("ALTER TABLE events DROP COLUMN kafka_offset")
    db.commit()
    db.close()
    sink = SqliteExporter(path)
    sink.open()
    sink.positions([WHERE])
    sink.write([Arrived(WHERE, 1, made_event(2, scroll_depth=64))], {})
    sink.flush()
    sink.close()

    db = sqlite3.connect(path)

    rows = db.execute("SELECT title, scroll_depth, kafka_offset FROM events ORDER BY event_id")
    assert rows.fetchall() == [("kept", None, None), (None, 64, 1)]
    db.close()


def test_the_questions_of_every_day_use_an_index(tmp_path: Path) -> None:
    db = exported(tmp_path / "warehouse.db", made_event(1))

    for question in (
        "events WHERE site_id = 'a' AND occurred_at > 0",
        "events WHERE received_at > 0",
        "events WHERE event_id = 'x'",
        "metrics WHERE site_id = 'a' AND metric_name = 'lcp' AND occurred_at > 0",
    ):
        plan = db.execute(f"EXPLAIN QUERY PLAN SELECT * FROM {question}").fetchall()
        assert "USING INDEX" in plan[0]["detail"]
    db.close()


def test_hostile_text_is_stored_as_it_came(tmp_path: Path) -> None:
    nasty = "'; DROP TABLE events; --\x00\u202e\U0001f600"

    db = exported(tmp_path / "warehouse.db", made_event(1, pathname=nasty, props={nasty: nasty}))

    assert db.execute("SELECT pathname FROM events").fetchone()[0] == nasty
    db.close()


def test_a_place_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    sink = SqliteExporter(tmp_path / "missing" / "warehouse.db")

    with pytest.raises(SinkUnavailable) as refusal:
        sink.open()

    assert refusal.value.reason == "cannot_open"


def test_columns_are_named_once() -> None:
    assert len(event_columns()) == len(Event.__struct_fields__) + 3
