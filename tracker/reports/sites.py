"""Sites: which sites have sent anything, and how much."""

import sqlite3
from typing import NamedTuple

from tracker.rollups import DAY_MS, Kind, snapshot, texts


class SiteRow(NamedTuple):
    """One site; days are UTC, in milliseconds since 1970, by the events' own times."""

    site: str
    page_views: int
    first_day_ms: int
    last_day_ms: int


def sites(db: sqlite3.Connection) -> list[SiteRow]:
    """Every site with an event of a person, the busiest first."""
    found = []
    with snapshot(db):
        site_id = _next_site(db, -1)
        while site_id is not None:
            page_views, first, last = db.execute(
                "SELECT sum(CASE kind WHEN ? THEN hits ELSE 0 END), min(day), max(day) FROM daily"
                " WHERE site_id = ? AND kind IN (?, ?)",
                (Kind.TOTAL, site_id, Kind.TOTAL, Kind.EVENT),
            ).fetchone()
            name = texts(db, [site_id])[site_id]
            found.append(SiteRow(name, page_views, first * DAY_MS, last * DAY_MS))
            site_id = _next_site(db, site_id)
    return sorted(found, key=lambda row: (-row.page_views, row.site))


def _next_site(db: sqlite3.Connection, after: int) -> int | None:
    """One step in the index a site, instead of a walk over every row."""
    row = db.execute("SELECT min(site_id) FROM daily WHERE site_id > ?", (after,)).fetchone()
    return None if row[0] is None else int(row[0])
