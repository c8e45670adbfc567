"""A rollups.db of an earlier version is brought to this one's schema, its rows kept."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tracker import rollups
from tracker.rollups import MIGRATIONS, WrongSchema
from tracker.sqlite_file import SchemaTooNew


def made_by_the_first_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(MIGRATIONS[0] + "INSERT INTO names VALUES (1, 'example.com');")
        db.execute("PRAGMA user_version = 1")


def test_an_earlier_file_is_migrated_by_its_writer_with_all_rows(tmp_path: Path) -> None:
    path = tmp_path / "rollups.db"
    made_by_the_first_version(path)

    rollups.open_for_writing(path).close()

    with closing(rollups.open_for_reading(path)) as db:
        assert rollups.id_of_site(db, "example.com") == 1
        assert db.execute("SELECT count(*) FROM metric_days").fetchone() == (0,)


def test_a_reader_says_so_while_the_file_is_not_migrated(tmp_path: Path) -> None:
    path = tmp_path / "rollups.db"
    made_by_the_first_version(path)

    with pytest.raises(WrongSchema, match="schema 1"):
        rollups.open_for_reading(path)


def test_a_file_of_a_later_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "rollups.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")

    with pytest.raises(SchemaTooNew, match="newer"):
        rollups.open_for_writing(path)
