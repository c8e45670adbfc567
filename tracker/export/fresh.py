"""Fresh packs: of a day that is not settled, made as its events come.

The last part of a day is made anew with what came since, until it has ROWS visitors; then another
one begins. A visitor of an earlier part who comes back moves to the last one, with all that he did.
Days of few events get none: to read those takes no time.
"""

import sqlite3
from typing import Final, NamedTuple

import msgspec

from tracker.packs import store
from tracker.packs.store import Span
from tracker.packs.visits import SELECT, Row, Visits
from tracker.rollups import DAY_MS

ROWS: Final = 4_096
EVENTS_MIN: Final = 2_000  # they are read in some 5 ms
EVENTS_MAX: Final = 10_000  # at a time: some 0.3 s with those of the part


class Tail(NamedTuple):
    """The oldest events of a site and a day that no pack has, by rowid."""

    site: str
    day: int
    after: int  # the greatest rowid of fresh parts
    until: int


def tail_of(db: sqlite3.Connection, site: str, day: int) -> Tail | None:
    """None where there are few such events."""
    mine = [one for one in store.spans(db, site) if one.first <= day < one.end]
    if any(one.until is None for one in mine):
        return None
    after = max((one.until or 0 for one in mine), default=0)
    count, until = db.execute(
        "SELECT count(*), max(id) FROM (SELECT rowid AS id FROM events WHERE site_id = ?"
        " AND occurred_at >= ? AND occurred_at < ? AND rowid > ? ORDER BY rowid LIMIT ?)",
        (site, day * DAY_MS, (day + 1) * DAY_MS, after, EVENTS_MAX),
    ).fetchone()
    return Tail(site, day, after, until) if count >= EVENTS_MIN else None


def pack_fresh(db: sqlite3.Connection, tail: Tail) -> None:
    """Part of the caller's transaction."""
    of_day = (tail.site, tail.day * DAY_MS, (tail.day + 1) * DAY_MS)
    came: list[Row] = db.execute(
        f"{SELECT} AND events.rowid > ? AND events.rowid <= ?", (*of_day, tail.after, tail.until)
    ).fetchall()
    visitors = {one[0] for one in came}
    day = Span(tail.day, tail.day + 1, 0, tail.until)
    parts = list(store.packs_of(db, tail.site, day))
    part = len(parts) and parts[-1].part + 1
    if parts and parts[-1].there.bit_count() < ROWS:
        last = parts.pop()
        came += _events(
            db, of_day, last, [row for row in range(last.rows) if last.there >> row & 1]
        )
        store.remove(db, last)
    for earlier in parts:
        rows = earlier.rows_of(visitors)
        if rows:
            came += _events(db, of_day, earlier, rows)
            store.take_out(db, earlier, rows)
    store.put(db, tail.site, day, part, Visits(came))


def _events(
    db: sqlite3.Connection, of_day: tuple[str, int, int], pack: store.Pack, rows: list[int]
) -> list[Row]:
    """Everything that these rows of a pack did."""
    wanted = msgspec.json.encode(pack.bounds().events_of(rows)).decode()
    mine = f"{SELECT} AND events.rowid IN (SELECT value FROM json_each(?))"
    return db.execute(mine, (*of_day, wanted)).fetchall()
