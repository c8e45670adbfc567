"""Hits: every event as one narrow row, in order of site and time."""

import sqlite3
from collections.abc import Sequence

from tracker.events import PAGEVIEW, Event
from tracker.rollups import HitClass
from tracker.stream.names import Names
from tracker.stream.repeats import Counted


def texts_of(event: Event) -> tuple[str, ...]:
    """The texts of an event that `hits` holds ids of, in this order."""
    return (
        event.site_id,
        event.event_name,
        event.pathname or "",
        event.source or "",
        event.country or "",
        event.browser or "",
        event.os or "",
        event.device_type or "",
        event.bot_reason or "",
    )


def class_of(event: Event) -> HitClass:
    """Page view or other event, of a person or a bot."""
    if event.is_bot:
        return HitClass.BOT_PAGE_VIEW if event.event_name == PAGEVIEW else HitClass.BOT_EVENT
    return HitClass.PAGE_VIEW if event.event_name == PAGEVIEW else HitClass.EVENT


class Hits:
    """Stores a batch inside the caller's transaction."""

    def __init__(self, db: sqlite3.Connection, names: Names) -> None:
        self._db = db
        self._names = names

    def count(self, batch: Sequence[Counted]) -> None:
        id_of = self._names.id_of
        rows = []
        for event, key in batch:
            site, *ids = [id_of(text) for text in texts_of(event)]
            name, *others = ids
            rows.append(
                (
                    site,
                    event.occurred_at,
                    key,
                    class_of(event),
                    name,
                    event.visitor_id,
                    *others,
                )
            )
        rows.sort(key=lambda row: row[:3])  # neighbours share pages of the tree
        # A conflict is an event whose id was forgotten although it lies in the future.
        self._db.executemany(
            "INSERT INTO hits (site_id, occurred_at_ms, event_key, class, name_id, visitor_id,"
            " page_id, source_id, country_id, browser_id, os_id, device_id, reason_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            rows,
        )
