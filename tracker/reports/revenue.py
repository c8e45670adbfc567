"""Revenue: what the events of a period were worth, by event and currency. Nothing is converted."""

import sqlite3
from typing import NamedTuple

from tracker.rollups import HOUR_MS, MICRO, id_of_site, snapshot, texts


class Earned(NamedTuple):
    """One event in one currency."""

    event: str
    currency: str  # ISO 4217
    events: int  # that had an amount in it
    amount: float


def revenue(db: sqlite3.Connection, site: str, start_ms: int, end_ms: int) -> list[Earned]:
    """Of the UTC hours that [start_ms, end_ms) touches, the greatest amount first."""
    with snapshot(db):
        rows = db.execute(
            "SELECT name_id, currency, sum(events), total(micros) FROM revenue_hours"
            " WHERE site_id = ? AND hour >= ? AND hour < ? GROUP BY name_id, currency"
            " ORDER BY 4 DESC, 1, 2",
            (id_of_site(db, site), start_ms // HOUR_MS, -(-end_ms // HOUR_MS)),
        ).fetchall()
        names = texts(db, {row[0] for row in rows})
    return [
        Earned(names[name], currency, count, micros / MICRO)
        for name, currency, count, micros in rows
    ]
