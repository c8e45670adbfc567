"""The tables `packs` and `pack_columns` of the warehouse: visits of days that are over, in columns.

    packs           one row a block: site, days [first_day, end_day), part (a day may have several),
                    rows, the first row of each day, and what the block is made of (LAYOUT)
    pack_columns    one row a column of a block, and its paths

A pack holds nothing that `events` does not: an event of a packed day that comes late takes the pack
of that day away, in the transaction that stores it, and another is made. So what is packed is
always right, and where there is no pack the events themselves are read.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from tracker.packs import paths
from tracker.packs.columns import Column, decode, encode
from tracker.packs.visits import PACKED, Visits

TABLES: Final = """
    CREATE TABLE IF NOT EXISTS packs (
        id INTEGER PRIMARY KEY, site_id TEXT NOT NULL, first_day INTEGER NOT NULL,
        end_day INTEGER NOT NULL, part INTEGER NOT NULL, rows INTEGER NOT NULL, days BLOB NOT NULL,
        layout INTEGER
    );
    CREATE UNIQUE INDEX IF NOT EXISTS packs_by_day ON packs (site_id, first_day, part);
    CREATE INDEX IF NOT EXISTS packs_by_end ON packs (end_day);
    CREATE TABLE IF NOT EXISTS pack_columns (
        id INTEGER PRIMARY KEY, pack_id INTEGER NOT NULL, name TEXT NOT NULL, packed BLOB NOT NULL
    );
    CREATE UNIQUE INDEX IF NOT EXISTS pack_columns_by_name ON pack_columns (pack_id, name);
"""

LAYOUT: Final = 2
"""Packs of another layout are not read, and made anew: 1 (NULL) has no paths."""
PATH: Final = "path"

_days = msgspec.msgpack.Decoder(dict[int, int])


class Span(NamedTuple):
    """Days [first, end) that one pack or several parts cover."""

    first: int
    end: int
    rows: int


class Pack:
    """A block as it is stored; reads a column when it is first asked for."""

    def __init__(self, db: sqlite3.Connection, pack_id: int, rows: int, days: bytes) -> None:
        self._db = db
        self._id = pack_id
        self.rows = rows
        self.days = _days.decode(days)
        self._columns: dict[str, Column] = {}

    def column(self, name: str) -> Column:
        if name not in self._columns:
            self._columns[name] = decode(self._packed(name))
        return self._columns[name]

    def path(self) -> paths.Paths:
        return paths.decode(self._packed(PATH))

    def _packed(self, name: str) -> bytes:
        select = "SELECT packed FROM pack_columns WHERE pack_id = ? AND name = ?"
        packed: bytes = self._db.execute(select, (self._id, name)).fetchone()[0]
        return packed


def make_tables(db: sqlite3.Connection) -> None:
    """Those that are missing, without packs of another layout; part of the caller's transaction."""
    for statement in TABLES.split(";"):
        db.execute(statement)
    if not has_packs(db):
        db.execute("ALTER TABLE packs ADD COLUMN layout INTEGER")
    others = db.execute("SELECT id FROM packs WHERE layout IS NOT ?", (LAYOUT,)).fetchall()
    _remove(db, others)


def has_packs(db: sqlite3.Connection) -> bool:
    """False in a file that no export role of today has opened."""
    found = "SELECT 1 FROM pragma_table_info('packs') WHERE name = 'layout'"
    return db.execute(found).fetchone() is not None


def spans(db: sqlite3.Connection, site: str) -> list[Span]:
    """What is packed of a site, ascending."""
    rows = db.execute(
        "SELECT first_day, end_day, sum(rows) FROM packs WHERE site_id = ? AND layout = ?"
        " GROUP BY first_day, end_day ORDER BY first_day",
        (site, LAYOUT),
    )
    return [Span(*row) for row in rows]


def packs_of(db: sqlite3.Connection, site: str, span: Span) -> Iterator[Pack]:
    rows = db.execute(
        "SELECT id, rows, days FROM packs WHERE site_id = ? AND first_day = ? ORDER BY part",
        (site, span.first),
    )
    for row in rows.fetchall():
        yield Pack(db, *row)


def put(db: sqlite3.Connection, site: str, span: Span, part: int, visits: Visits) -> None:
    """Part of the caller's transaction."""
    days = msgspec.msgpack.encode(visits.days)
    added = db.execute(
        "INSERT INTO packs (site_id, first_day, end_day, part, rows, days, layout)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (site, span.first, span.end, part, visits.rows, days, LAYOUT),
    )
    packed = {name: encode(visits.column(name)) for name in PACKED}
    packed[PATH] = paths.encode(visits.path())
    db.executemany(
        "INSERT INTO pack_columns (pack_id, name, packed) VALUES (?, ?, ?)",
        [(added.lastrowid, *one) for one in packed.items()],
    )


def take_away(db: sqlite3.Connection, site: str, day: int) -> None:
    """The pack that covers `day`, if there is one; part of the caller's transaction."""
    rows = db.execute(
        "SELECT id FROM packs WHERE site_id = ? AND first_day <= ? AND end_day > ?",
        (site, day, day),
    ).fetchall()
    _remove(db, rows)


def _remove(db: sqlite3.Connection, ids: Iterable[tuple[int]]) -> None:
    gone = list(ids)
    db.executemany("DELETE FROM pack_columns WHERE pack_id = ?", gone)
    db.executemany("DELETE FROM packs WHERE id = ?", gone)
