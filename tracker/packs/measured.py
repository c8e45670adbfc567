"""Measured: values of topic metrics, packed; told of any choice of visitors.

    measure_packs      one row a block: site, rowids (after, until] of `metrics` that it is made of
                       and how many of the site there are, rows, hours [first_hour, end_hour), the
                       first row of each hour, LAYOUT
    measure_columns    one row a column of a block: `all` of it, one of each vital by page, and
                       whose each row is

A value counts on its own, unlike an event. So a block need not have all of a visitor, nothing has
to be taken away when a value comes late, and blocks follow the order in which values arrived: what
has a greater rowid than all of them is read from `metrics`. A row is a visitor of one UTC hour, in
the order of hours. A column's values are texts of judged_of and a name, its numbers how often.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import msgspec

from tracker.histogram import bucket_of
from tracker.packs.columns import Column, bits_of, column_of, decode, encode
from tracker.rollups import DAY_MS, HOUR_MS
from tracker.vitals import VITALS, rating

TABLES: Final = """
    CREATE TABLE IF NOT EXISTS measure_packs (
        id INTEGER PRIMARY KEY, site_id TEXT NOT NULL, after INTEGER NOT NULL,
        until INTEGER NOT NULL, rowids INTEGER NOT NULL, rows INTEGER NOT NULL,
        first_hour INTEGER NOT NULL, end_hour INTEGER NOT NULL, hours BLOB NOT NULL,
        layout INTEGER NOT NULL
    );
    CREATE UNIQUE INDEX IF NOT EXISTS measure_packs_by_arrival ON measure_packs (site_id, until);
    CREATE TABLE IF NOT EXISTS measure_columns (
        id INTEGER PRIMARY KEY, pack_id INTEGER NOT NULL, name TEXT NOT NULL, packed BLOB NOT NULL
    );
    CREATE UNIQUE INDEX IF NOT EXISTS measure_columns_by_name ON measure_columns (pack_id, name);
"""
LAYOUT: Final = 1
"""Blocks of another layout are removed and made anew."""

ALL: Final = "all"
VISITORS: Final = "visitors"
DAY_HOURS: Final = DAY_MS // HOUR_MS

SELECT: Final = (
    "SELECT occurred_at, visitor_id, metric_name, coalesce(pathname, ''), metric_value"
    " FROM metrics WHERE site_id = ? AND rowid > ? AND is_bot IS NOT 1"
    " AND metric_name IS NOT NULL AND metric_value IS NOT NULL"
)
"""Fields of a Value; parameters are the site, and the rowid after which values are wanted."""

_hours = msgspec.msgpack.Decoder(dict[int, int])
_visitors = msgspec.msgpack.Decoder(list[str])


class Value(NamedTuple):
    """One measured value of a person, as the warehouse has it."""

    at_ms: int
    visitor: str
    metric: str
    page: str
    amount: float

    @property
    def hour(self) -> int:
        return self.at_ms // HOUR_MS


class Measured(NamedTuple):
    """How often what was measured: texts as columns have them."""

    metrics: dict[str, int]
    pages: dict[str, int]  # of one vital


def judged_of(value: Value) -> str:
    """How a column tells a value; the name of its metric, or its page, follows."""
    return f"{bucket_of(value.amount)} {rating(value.metric, value.amount).value} "


def parts_of(text: str) -> tuple[int, int, str]:
    """Bucket, rating, and the name that follows."""
    bucket, judged, name = text.split(" ", 2)
    return int(bucket), int(judged), name


class Block:
    """Values as the rows and columns of a block."""

    def __init__(self, values: Iterable[Value]) -> None:
        ordered = sorted(values, key=lambda one: (one.hour, one.visitor))
        numbers: dict[tuple[int, str], int] = {}
        self._rows = [numbers.setdefault((one.hour, one.visitor), len(numbers)) for one in ordered]
        self._values = ordered
        self.rows = len(numbers)
        self.visitors = [visitor for _, visitor in numbers]
        self.hours: dict[int, int] = {}  # hour -> its first row, ascending
        for (hour, _), row in numbers.items():
            self.hours.setdefault(hour, row)

    def columns(self) -> dict[str, Column]:
        found: dict[str, defaultdict[str, Counter[int]]] = {
            name: defaultdict(Counter) for name in (ALL, *VITALS)
        }
        for row, value in zip(self._rows, self._values, strict=True):
            judged = judged_of(value)
            found[ALL][judged + value.metric][row] += 1
            if value.metric in VITALS:
                found[value.metric][judged + value.page][row] += 1
        return {name: column_of(counts, self.rows) for name, counts in found.items()}


class Pack:
    """A block as it is stored, and which of its rows are chosen."""

    def __init__(self, db: sqlite3.Connection, stored: tuple[Any, ...]) -> None:
        """`stored` has id, rows and hours."""
        self._db = db
        self._id, self._rows = stored[:2]
        self._hours: Mapping[int, int] = _hours.decode(stored[2])
        self._ids: Sequence[str] | None = None
        self._chosen = 0

    def days(self, hours: range) -> Iterator[tuple[int, range]]:
        """Days that it has something of, each with its rows in these hours."""
        begins = [*self._hours.items(), (hours.stop, self._rows)]
        found: dict[int, range] = {}
        for (hour, begin), (_, end) in pairwise(begins):
            if hour in hours:
                day = hour // DAY_HOURS
                found[day] = range(found[day].start if day in found else begin, end)
        yield from found.items()

    def choose(self, rows: range, visitors: set[str]) -> None:
        """Those of these rows that are of these visitors."""
        if self._ids is None:
            self._ids = _visitors.decode(self._packed(VISITORS))
        ids = self._ids[rows.start : rows.stop]
        self._chosen |= bits_of(bytes(map(visitors.__contains__, ids))) << rows.start

    def counted(self, name: str) -> Iterator[tuple[str, int]]:
        """Values of a column, and how often chosen rows have them."""
        if self._chosen:
            for value, _, total in decode(self._packed(name)).sums(self._chosen):
                yield value, total

    def _packed(self, name: str) -> bytes:
        select = "SELECT packed FROM measure_columns WHERE pack_id = ? AND name = ?"
        packed: bytes = self._db.execute(select, (self._id, name)).fetchone()[0]
        return packed


class Source(NamedTuple):
    """What a block is made of: rowids (after, until] of `metrics`, so many of them of its site."""

    after: int
    until: int
    rowids: int


class Last(NamedTuple):
    """The newest block of a site."""

    id: int
    rows: int
    source: Source


def make_tables(db: sqlite3.Connection) -> None:
    """Those that are missing, without blocks of another layout; part of the caller's
    transaction."""
    for statement in TABLES.split(";"):
        db.execute(statement)
    for one in db.execute("SELECT id FROM measure_packs WHERE layout <> ?", (LAYOUT,)).fetchall():
        remove(db, *one)


def has_packs(db: sqlite3.Connection) -> bool:
    """False in a file that no export role of today has opened."""
    found = "SELECT 1 FROM sqlite_master WHERE name = 'measure_packs'"
    return db.execute(found).fetchone() is not None


def last_of(db: sqlite3.Connection, site: str) -> Last | None:
    select = (
        "SELECT id, rows, after, until, rowids FROM measure_packs WHERE site_id = ? AND layout = ?"
        " ORDER BY until DESC LIMIT 1"
    )
    found = db.execute(select, (site, LAYOUT)).fetchone()
    return None if found is None else Last(found[0], found[1], Source(*found[2:]))


def packs_of(db: sqlite3.Connection, site: str, hours: range, rows_max: int) -> list[Pack]:
    """Those with something in these hours, the newest of them, until they have rows_max rows."""
    found, left = [], rows_max
    for stored in db.execute(
        "SELECT id, rows, hours FROM measure_packs WHERE site_id = ? AND layout = ?"
        " AND first_hour < ? AND end_hour > ? ORDER BY until DESC",
        (site, LAYOUT, hours.stop, hours.start),
    ):
        left -= stored[1]
        if left < 0:
            break
        found.append(Pack(db, stored))
    return found


def put(db: sqlite3.Connection, site: str, source: Source, block: Block) -> None:
    """Part of the caller's transaction."""
    first, end = (min(block.hours), max(block.hours) + 1) if block.hours else (0, 0)
    hours = msgspec.msgpack.encode(block.hours)
    added = db.execute(
        "INSERT INTO measure_packs"
        " (site_id, after, until, rowids, rows, first_hour, end_hour, hours, layout)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (site, *source, block.rows, first, end, hours, LAYOUT),
    )
    packed = {name: encode(column) for name, column in block.columns().items()}
    packed[VISITORS] = msgspec.msgpack.encode(block.visitors)
    db.executemany(
        "INSERT INTO measure_columns (pack_id, name, packed) VALUES (?, ?, ?)",
        [(added.lastrowid, *one) for one in packed.items()],
    )


def remove(db: sqlite3.Connection, pack_id: int) -> None:
    """Part of the caller's transaction."""
    db.execute("DELETE FROM measure_columns WHERE pack_id = ?", (pack_id,))
    db.execute("DELETE FROM measure_packs WHERE id = ?", (pack_id,))
