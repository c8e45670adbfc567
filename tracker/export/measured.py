"""Packs of measured values: the newest block of a site is made anew with what came since, until it
is full; then another one begins. Sites with few values that no block has wait."""

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

from tracker.packs import measured
from tracker.packs.measured import SELECT, Block, Source, Value

ROWS: Final = 4_096  # visitors of an hour
BLOCK_VALUES: Final = 50_000  # or so many rowids of a site
VALUES_MIN: Final = 2_000  # fewer are read in some 5 ms
VALUES_MAX: Final = 20_000  # at a time: some 0.3 s with those of the block


class Tail(NamedTuple):
    """The oldest values of a site that no block has."""

    site: str
    source: Source


def next_tail(db: sqlite3.Connection) -> Tail | None:
    """None where no site has many."""
    for site in _sites(db):
        last = measured.last_of(db, site)
        after = last.source.until if last else 0
        count, until = db.execute(
            "SELECT count(*), max(id) FROM (SELECT rowid AS id FROM metrics WHERE site_id = ?"
            " AND rowid > ? ORDER BY rowid LIMIT ?)",
            (site, after, VALUES_MAX),
        ).fetchone()
        if count >= VALUES_MIN:
            return Tail(site, Source(after, until, count))
    return None


def pack_values(db: sqlite3.Connection, tail: Tail) -> None:
    """Part of the caller's transaction."""
    site, source = tail
    last = measured.last_of(db, site)
    if last is not None and last.rows < ROWS and last.source.rowids < BLOCK_VALUES:
        measured.remove(db, last.id)
        source = Source(last.source.after, source.until, last.source.rowids + source.rowids)
    rows = db.execute(f"{SELECT} AND rowid <= ?", (site, source.after, source.until))
    measured.put(db, site, source, Block(Value(*row) for row in rows))


def _sites(db: sqlite3.Connection) -> Iterator[str]:
    site = ""
    while True:
        select = "SELECT min(site_id) FROM metrics WHERE site_id > ?"
        (site,) = db.execute(select, (site,)).fetchone()
        if site is None:
            return
        yield site
