"""Bots: flagged by ingest, counted apart by hour and reason, never mixed with people."""

import sqlite3
from collections import Counter
from collections.abc import Sequence

from tracker.events import PAGEVIEW
from tracker.stream.counted import Counted
from tracker.stream.windows import hour_of


class Bots:
    """Counts a batch inside the caller's transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def count(self, batch: Sequence[Counted]) -> None:
        events: Counter[tuple[int, int, int]] = Counter()
        page_views: Counter[tuple[int, int, int]] = Counter()
        for event, _key, ids in batch:
            bucket = (
                ids.site,
                hour_of(event.occurred_at),
                ids.reason,
            )
            events[bucket] += 1
            page_views[bucket] += event.event_name == PAGEVIEW
        self._db.executemany(
            "INSERT INTO bot_hours (site_id, hour, reason_id, page_views, events)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (site_id, hour, reason_id) DO UPDATE SET"
            " page_views = page_views + excluded.page_views, events = events + excluded.events",
            [(*bucket, page_views[bucket], count) for bucket, count in events.items()],
        )
