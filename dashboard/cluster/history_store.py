"""Keeps history in SQLite so that a restart keeps it: one row a point, old rows deleted.

Beside it one row of bytes under a name, each time replaced: what lag and verdicts remember.
"""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from dashboard.cluster.history import STEPS_MS, Point
from tracker.sqlite_file import is_damage, refuse_newer, schema_of

log = logging.getLogger(__name__)

T = TypeVar("T")

SCHEMA: Final = 1  # files from before it say 0, and have the same tables
_TABLES = """
CREATE TABLE IF NOT EXISTS points (
    series TEXT NOT NULL, step_ms INTEGER NOT NULL, at_ms INTEGER NOT NULL, value REAL NOT NULL,
    PRIMARY KEY (step_ms, series, at_ms)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, body BLOB NOT NULL)
"""


class HistoryStore:
    """One file. A file that is damaged is set aside and a new one begun: history is a comfort."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._database = _open(path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._database = self._anew(error)

    def load(self, now_ms: int) -> list[Point]:
        """What still fits into the rings, oldest first."""
        return self._whole(lambda: self._points(now_ms))

    def _points(self, now_ms: int) -> list[Point]:
        points: list[Point] = []
        for step_ms, slots in STEPS_MS:
            rows = self._database.execute(
                "SELECT series, step_ms, at_ms, value FROM points"
                " WHERE step_ms = ? AND at_ms >= ? ORDER BY at_ms",
                (step_ms, now_ms - step_ms * slots),
            )
            points.extend(Point(*row) for row in rows)
        return points

    def save(self, points: Sequence[Point], now_ms: int) -> None:
        """Write points and delete what no ring can hold any more."""
        self._whole(lambda: self._write(points, now_ms))

    def _write(self, points: Sequence[Point], now_ms: int) -> None:
        with self._database:
            self._database.executemany(
                "INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?)",
                [
                    (point.series, point.step_ms, point.at_ms, point.value)
                    for point in points
                    if point.value == point.value  # NaN: nothing was seen
                ],
            )
            for step_ms, slots in STEPS_MS:
                self._database.execute(
                    "DELETE FROM points WHERE step_ms = ? AND at_ms < ?",
                    (step_ms, now_ms - step_ms * slots),
                )

    def keep(self, name: str, body: bytes, now_ms: int) -> None:
        """Put `body` where `kept` finds it, in place of what was there."""

        def write() -> None:
            with self._database:
                self._database.execute(
                    "INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (name, now_ms, body)
                )

        self._whole(write)

    def kept(self, name: str) -> bytes | None:
        """What was put there last; None: nothing."""
        query = "SELECT body FROM kept WHERE name = ?"
        row = self._whole(lambda: self._database.execute(query, (name,)).fetchone())
        return None if row is None else bytes(row[0])

    def _whole(self, work: Callable[[], T]) -> T:
        """What `work` answers, of a new file where this one turns out to be damaged inside."""
        try:
            return work()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._database.close()  # first: it takes its -wal along, by its name
            self._database = self._anew(error)
            return work()

    def _anew(self, error: sqlite3.DatabaseError) -> sqlite3.Connection:
        """Of an empty file; the damaged one, which is closed, is set aside."""
        aside = self._path.with_suffix(".damaged")
        log.warning(
            "history is damaged, begun anew path=%s set_aside=%s: %s", self._path, aside, error
        )
        self._path.replace(aside)
        for beside in ("-wal", "-shm"):
            Path(f"{self._path}{beside}").unlink(missing_ok=True)
        return _open(self._path)

    def close(self) -> None:
        self._database.close()


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path, check_same_thread=False)  # one thread at a time uses it
    try:
        refuse_newer(database, str(path), SCHEMA)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.executescript(_TABLES)
        if schema_of(database) != SCHEMA:
            database.execute(f"PRAGMA user_version = {SCHEMA}")
    except BaseException:
        database.close()
        raise
    return database
