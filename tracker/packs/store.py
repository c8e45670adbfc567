"""The tables `packs` and `pack_columns` of the warehouse: visits of past days, in columns.

    packs           one row a block: site, days [first_day, end_day), part (a day may have several),
                    rows, the first row of each day, and what the block is made of (LAYOUT);
                    of a fresh one also `until`, and `gone`, a bitmap of rows
    pack_columns    one row a column of a block; its paths, its bounds, and its visitors

A pack holds nothing that `events` does not. Of a day that is settled, an event that comes late
takes the pack away, in the transaction that stores it, and another is made. The packs of a day that
is not are fresh: together they have the events of that day whose rowid is at most the greatest
`until`. Events get ever greater rowids, so it is known which ones came later: whoever has one of
those is counted from events. A visitor whom a later part has is gone from the earlier one. So what
is packed is always right, and where there is no pack the events themselves are read.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from tracker.packs import bounds, paths
from tracker.packs.columns import Column, bitmap, decode, encode
from tracker.packs.visits import PACKED, Visits

TABLES: Final = """
    CREATE TABLE IF NOT EXISTS packs (
        id INTEGER PRIMARY KEY, site_id TEXT NOT NULL, first_day INTEGER NOT NULL,
        end_day INTEGER NOT NULL, part INTEGER NOT NULL, rows INTEGER NOT NULL, days BLOB NOT NULL,
        layout INTEGER, until INTEGER, gone BLOB
    );
    CREATE UNIQUE INDEX IF NOT EXISTS packs_by_day ON packs (site_id, first_day, part);
    CREATE INDEX IF NOT EXISTS packs_by_end ON packs (end_day);
    CREATE TABLE IF NOT EXISTS pack_columns (
        id INTEGER PRIMARY KEY, pack_id INTEGER NOT NULL, name TEXT NOT NULL, packed BLOB NOT NULL
    );
    CREATE UNIQUE INDEX IF NOT EXISTS pack_columns_by_name ON pack_columns (pack_id, name);
"""

LAYOUT: Final = 4
"""Packs of another layout are not read, and made anew: 1 (NULL) has no paths, 2 no bounds, 3 tells
visitors of fresh ones only."""
PATH: Final = "path"
BOUNDS: Final = "bounds"
VISITORS: Final = "visitors"

_days = msgspec.msgpack.Decoder(dict[int, int])
_visitors = msgspec.msgpack.Decoder(list[str])


class Span(NamedTuple):
    """Days [first, end) that one pack or several parts cover."""

    first: int
    end: int
    rows: int
    until: int | None = None  # the greatest rowid in fresh parts; None: it is settled


PACK: Final = "id, part, rows, days, gone"


class Pack:
    """A block as it is stored; reads a column when it is first asked for."""

    def __init__(self, db: sqlite3.Connection, stored: tuple[Any, ...]) -> None:
        """`stored` has the fields of PACK."""
        self._db = db
        self.id: int = stored[0]
        self.part: int = stored[1]
        self.rows: int = stored[2]
        days, gone = stored[3:]
        self.days = _days.decode(days)
        self.gone = int.from_bytes(gone or b"", "little")
        self._columns: dict[str, Column] = {}
        self._bounds: bounds.Bounds | None = None

    @property
    def there(self) -> int:
        """Bitmap of the rows that no later part has."""
        return ((1 << self.rows) - 1) & ~self.gone

    def column(self, name: str) -> Column:
        if name not in self._columns:
            self._columns[name] = decode(self._packed(name))
        return self._columns[name]

    def path(self) -> paths.Paths:
        return paths.decode(self._packed(PATH))

    def bounds(self) -> bounds.Bounds:
        if self._bounds is None:
            self._bounds = bounds.decode(self._packed(BOUNDS))
        return self._bounds

    def visitors(self) -> list[str]:
        """Whose each row is."""
        return _visitors.decode(self._packed(VISITORS))

    def rows_of(self, visitors: set[str]) -> list[int]:
        """Rows of those of them whom this fresh part has."""
        ids = enumerate(self.visitors())
        return [row for row, one in ids if one in visitors and self.there >> row & 1]

    def _packed(self, name: str) -> bytes:
        select = "SELECT packed FROM pack_columns WHERE pack_id = ? AND name = ?"
        packed: bytes = self._db.execute(select, (self.id, name)).fetchone()[0]
        return packed


def make_tables(db: sqlite3.Connection) -> None:
    """Those that are missing, without packs of another layout; part of the caller's transaction."""
    if not has_packs(db):  # none, or with fewer columns
        db.execute("DROP TABLE IF EXISTS packs")
        db.execute("DROP TABLE IF EXISTS pack_columns")
    for statement in TABLES.split(";"):
        db.execute(statement)
    others = db.execute("SELECT id FROM packs WHERE layout IS NOT ?", (LAYOUT,)).fetchall()
    _remove(db, others)


def has_packs(db: sqlite3.Connection) -> bool:
    """False in a file that no export role of today has opened."""
    found = "SELECT 1 FROM pragma_table_info('packs') WHERE name = 'until'"
    return db.execute(found).fetchone() is not None


def spans(db: sqlite3.Connection, site: str) -> list[Span]:
    """What is packed of a site, ascending."""
    rows = db.execute(
        "SELECT first_day, end_day, sum(rows), max(until) FROM packs"
        " WHERE site_id = ? AND layout = ?"
        " GROUP BY first_day, end_day ORDER BY first_day",
        (site, LAYOUT),
    )
    return [Span(*row) for row in rows]


def packs_of(db: sqlite3.Connection, site: str, span: Span) -> Iterator[Pack]:
    rows = db.execute(
        f"SELECT {PACK} FROM packs WHERE site_id = ? AND first_day = ? ORDER BY part",
        (site, span.first),
    )
    for row in rows.fetchall():
        yield Pack(db, row)


def put(db: sqlite3.Connection, site: str, span: Span, part: int, visits: Visits) -> None:
    """Part of the caller's transaction. The pack is fresh where the span is."""
    days = msgspec.msgpack.encode(visits.days)
    added = db.execute(
        "INSERT INTO packs (site_id, first_day, end_day, part, rows, days, layout, until)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (site, span.first, span.end, part, visits.rows, days, LAYOUT, span.until),
    )
    packed = {name: encode(visits.column(name)) for name in PACKED}
    packed[PATH] = paths.encode(visits.path())
    packed[BOUNDS] = bounds.encode(visits.bounds())
    packed[VISITORS] = msgspec.msgpack.encode(visits.visitors)
    db.executemany(
        "INSERT INTO pack_columns (pack_id, name, packed) VALUES (?, ?, ?)",
        [(added.lastrowid, *one) for one in packed.items()],
    )


def take_away(db: sqlite3.Connection, site: str, day: int, *, fresh: bool = False) -> None:
    """The settled pack that covers `day`, or also the fresh ones; part of the caller's
    transaction."""
    rows = db.execute(
        "SELECT id FROM packs WHERE site_id = ? AND first_day <= ? AND end_day > ?"
        " AND (? OR until IS NULL)",
        (site, day, day, fresh),
    ).fetchall()
    _remove(db, rows)


def take_out(db: sqlite3.Connection, pack: Pack, rows: Iterable[int]) -> None:
    """A later part has these rows; part of the caller's transaction."""
    gone = pack.gone | bitmap(rows)
    as_bytes = gone.to_bytes(-(-gone.bit_length() // 8), "little")
    db.execute("UPDATE packs SET gone = ? WHERE id = ?", (as_bytes, pack.id))


def remove(db: sqlite3.Connection, pack: Pack) -> None:
    """Part of the caller's transaction."""
    _remove(db, [(pack.id,)])


def _remove(db: sqlite3.Connection, ids: Iterable[tuple[int]]) -> None:
    gone = list(ids)
    db.executemany("DELETE FROM pack_columns WHERE pack_id = ?", gone)
    db.executemany("DELETE FROM packs WHERE id = ?", gone)
