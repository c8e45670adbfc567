"""Hits: every event as one narrow row, in order of site and time."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from tracker.events import PAGEVIEW
from tracker.rollups import HitClass
from tracker.stream.counted import Counted

CLASSES: Final = {
    # is_bot, is_page_view; plain numbers, which sqlite3 binds several times as fast as enums
    (False, False): HitClass.EVENT.value,
    (False, True): HitClass.PAGE_VIEW.value,
    (True, False): HitClass.BOT_EVENT.value,
    (True, True): HitClass.BOT_PAGE_VIEW.value,
}


class Hits:
    """Stores a batch inside the caller's transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def count(self, batch: Sequence[Counted]) -> None:
        rows = []
        for event, key, (site, name, *others) in batch:
            hit_class = CLASSES[event.is_bot, event.event_name == PAGEVIEW]
            rows.append((site, event.occurred_at, key, hit_class, name, event.visitor_id, *others))
        rows.sort(key=lambda row: row[:3])  # neighbours share pages of the tree
        # A conflict is an event whose id was forgotten although it lies in the future.
        self._db.executemany(
            "INSERT INTO hits (site_id, occurred_at_ms, event_key, class, name_id, visitor_id,"
            " page_id, source_id, country_id, browser_id, os_id, device_id, reason_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            rows,
        )
