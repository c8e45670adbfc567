"""Live visitors: when each visitor last gave a sign of life.

A sign of life is any event of a person but a static file; beacons send one while a page is looked
at. Only the last hour is kept, so an import of old days leaves no trace here.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from tracker.events import ASSET
from tracker.rollups import HOUR_MS, MINUTE_MS
from tracker.stream.counted import Counted

KEPT_MS: Final = HOUR_MS
AHEAD_MS: Final = 10 * MINUTE_MS  # what ingest believes of a clock; beyond it nobody would ever go


class LiveVisitors:
    """Notes a batch inside the caller's transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def count(self, batch: Sequence[Counted], now_ms: int) -> None:
        horizon_ms = now_ms - KEPT_MS
        last: dict[tuple[int, str], int] = {}
        for event, _key, ids in batch:
            is_near = horizon_ms <= event.occurred_at <= now_ms + AHEAD_MS
            if is_near and event.event_name != ASSET:
                who = (ids.site, event.visitor_id)
                last[who] = max(last.get(who, 0), event.occurred_at)
        self._db.executemany(
            "INSERT INTO live (site_id, visitor_id, last_at_ms) VALUES (?, ?, ?)"
            " ON CONFLICT (site_id, visitor_id)"
            " DO UPDATE SET last_at_ms = max(last_at_ms, excluded.last_at_ms)",
            [(*who, at_ms) for who, at_ms in last.items()],
        )
        self._db.execute("DELETE FROM live WHERE last_at_ms < ?", (horizon_ms,))
