"""Live: how many visitors are on a site now."""

import sqlite3
from typing import Final

from tracker.rollups import MINUTE_MS, id_of_site, snapshot

LIVE_MS: Final = 5 * MINUTE_MS


def live(db: sqlite3.Connection, site: str, now_ms: int) -> int:
    """Visitors with a sign of life in the five minutes before `now_ms`."""
    with snapshot(db):
        site_id = id_of_site(db, site)
        row = db.execute(
            "SELECT count(*) FROM live WHERE last_at_ms > ? AND site_id = ?",
            (now_ms - LIVE_MS, site_id),
        ).fetchone()
    return int(row[0])
