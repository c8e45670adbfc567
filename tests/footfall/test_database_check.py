"""What doctor says of the SQLite files in a data directory: each by its name, with the way out."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from footfall.database_check import check_databases
from footfall.segment_check import Damage
from tests.support.damage import cut, garbled, nothing_but_zeros, zeros
from tests.support.made_events import made_event
from tests.support.sinks import KINDS
from tracker.sinks.exporter import Arrived
from tracker.topics import TopicPartition

WHERE = TopicPartition("events", 0)
EVENTS = 240


def fill(name: str, path: Path, events: int = EVENTS) -> None:
    sink = KINDS[name].make(path)
    sink.open()
    sink.positions([WHERE])
    made = [made_event(number, pathname=f"/{number}") for number in range(events)]
    sink.write([Arrived(WHERE, *one) for one in enumerate(made)], {WHERE: events})
    sink.flush()
    sink.close()


def an_index_that_disagrees(path: Path, _older: Path) -> None:
    """One byte of a text changes in the table alone: a lookup by it finds nothing."""
    data = bytearray(path.read_bytes())
    found = []
    at = -1
    while (at := data.find(b"example.com", at + 1)) >= 0:
        found.append(at)
    for at in found[:1]:
        data[at] ^= 1
    path.write_bytes(data)


def test_databases_that_are_well_are_told_with_their_size(tmp_path: Path) -> None:
    fill("rollups", tmp_path / "rollups.db")
    fill("sqlite", tmp_path / "warehouse.db")
    (tmp_path / "empty.db").touch()

    told = list(check_databases(tmp_path))

    assert [str(one).split(": ")[0].rsplit("/", 1)[1] for one in told] == [
        "empty.db",
        "rollups.db",
        "warehouse.db",
    ]
    assert [str(one).rsplit(", ", 1)[1] for one in told[1:]] == ["no damage found"] * 2


@pytest.mark.parametrize(
    "damage", [cut, zeros, garbled, nothing_but_zeros], ids=lambda one: one.__name__
)
@pytest.mark.parametrize(("kind", "name"), [("rollups", "rollups.db"), ("sqlite", "warehouse.db")])
def test_a_damaged_sink_is_told_with_the_way_out(
    kind: str, name: str, damage: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    fill(kind, tmp_path / name)
    damage(tmp_path / name, tmp_path)

    (told,) = check_databases(tmp_path)

    assert isinstance(told, Damage)
    assert told.path == tmp_path / name
    assert "***" not in told.reason
    assert "filled from the topics" in told.way_out and f"sqlite3 {name} .recover" in told.way_out


def test_a_byte_that_changed_in_a_row_but_not_in_its_index_is_found(tmp_path: Path) -> None:
    fill("sqlite", tmp_path / "warehouse.db")
    an_index_that_disagrees(tmp_path / "warehouse.db", tmp_path)

    (told,) = check_databases(tmp_path)

    assert isinstance(told, Damage)
    assert "index" in told.reason


def test_a_damaged_history_may_be_deleted_and_one_set_aside_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "dashboard"
    folder.mkdir()
    (folder / "history-local.db").write_bytes(b"no database" * 100)
    (folder / "history-other.damaged").touch()

    told = list(check_databases(tmp_path))

    assert [isinstance(one, Damage) and one.way_out.split(":")[0] for one in told] == [
        "stop the dashboard and delete it",
        "check the disk (dmesg, smartctl), then delete it",
    ]


def test_a_file_that_takes_too_long_says_so_and_is_no_problem(tmp_path: Path) -> None:
    fill("sqlite", tmp_path / "warehouse.db")

    (told,) = check_databases(tmp_path, seconds=-1.0)

    assert isinstance(told, str)
    assert "too short to check all of it" in told


def test_a_database_in_use_is_looked_at_beside_its_writer(tmp_path: Path) -> None:
    fill("sqlite", tmp_path / "warehouse.db")

    with closing(sqlite3.connect(tmp_path / "warehouse.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM events")
        (told,) = check_databases(tmp_path)
        writer.execute("ROLLBACK")

    assert str(told).endswith("no damage found")
