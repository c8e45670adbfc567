"""Values: what some visitors measured in the UTC hours that a range touches.

Most of it is packed (tracker.packs.measured); the newest values, which no pack has, are read
themselves. Both are bounded: the newest ROWS_MAX visitors of an hour, and the newest LATER_MAX
values.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from tracker.packs import measured
from tracker.packs.measured import ALL, Measured, Value, judged_of
from tracker.reports.picked import Asked
from tracker.rollups import DAY_MS, HOUR_MS

ROWS_MAX: Final = 500_000
LATER_MAX: Final = 200_000


def values_of(
    db: sqlite3.Connection, asked: Asked, vital: str, visitors: Iterable[tuple[int, set[str]]]
) -> Measured:
    """`visitors` has ids by the day that they are worth, each day once; `vital` is told by page."""
    if not _has_measured(db, asked.site):
        return Measured({}, {})
    hours = range(asked.start_ms // HOUR_MS, -(-asked.end_ms // HOUR_MS))
    packs = []
    if measured.has_packs(db):
        packs = measured.packs_of(db, asked.site, hours, ROWS_MAX)
    packed = defaultdict(list)
    for pack in packs:
        for day, rows in pack.days(hours):
            packed[day].append((pack, rows))
    later = _later(db, asked.site, hours)
    found = Measured({}, {})
    for day, ids in visitors:
        for pack, rows in packed[day]:
            pack.choose(rows, ids)
        for value in later[day]:
            if value.visitor in ids:
                _count(found, value, vital)
    for pack in packs:
        _add(found.metrics, pack.counted(ALL))
        _add(found.pages, pack.counted(vital))
    return found


def _has_measured(db: sqlite3.Connection, site: str) -> bool:
    """Most sites measure nothing, and an old file has no table for it."""
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'metrics'").fetchone() is None:
        return False
    select = "SELECT 1 FROM metrics WHERE site_id = ? LIMIT 1"
    return db.execute(select, (site,)).fetchone() is not None


def _later(db: sqlite3.Connection, site: str, hours: range) -> defaultdict[int, list[Value]]:
    """By day, what no pack has."""
    last = measured.last_of(db, site) if measured.has_packs(db) else None
    rows = db.execute(
        f"{measured.SELECT} AND occurred_at >= ? AND occurred_at < ? ORDER BY rowid DESC LIMIT ?",
        (site, last.source.until if last else 0, hours.start * HOUR_MS, hours.stop * HOUR_MS,
         LATER_MAX),
    )  # fmt: skip
    found = defaultdict(list)
    for row in rows:
        value = Value(*row)
        found[value.at_ms // DAY_MS].append(value)
    return found


def _count(found: Measured, value: Value, vital: str) -> None:
    judged = judged_of(value)
    _add(found.metrics, [(judged + value.metric, 1)])
    if value.metric == vital:
        _add(found.pages, [(judged + value.page, 1)])


def _add(counts: dict[str, int], sums: Iterable[tuple[str, int]]) -> None:
    for text, number in sums:
        counts[text] = counts.get(text, 0) + number
