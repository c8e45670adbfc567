"""Bots: what was recognised as a robot in a period, and by what."""

import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from tracker.reports.periods import whole_hours
from tracker.rollups import HitClass, id_of_site, snapshot, texts


class BotRow(NamedTuple):
    """One way of recognising."""

    reason: str
    page_views: int
    events: int  # page views among them


@dataclass(frozen=True, slots=True)
class Bots:
    """They are in no other number."""

    page_views: int = 0
    events: int = 0  # page views among them
    reasons: tuple[BotRow, ...] = ()  # the most frequent first


def bots(db: sqlite3.Connection, site: str, start_ms: int, end_ms: int) -> Bots:
    """The numbers of [start_ms, end_ms); zeros for a site or a time without bots."""
    page_views: Counter[int] = Counter()
    events: Counter[int] = Counter()
    first, end, edges = whole_hours(start_ms, end_ms)
    with snapshot(db):
        site_id = id_of_site(db, site)
        rows = db.execute(
            "SELECT reason_id, sum(page_views), sum(events) FROM bot_hours"
            " WHERE site_id = ? AND hour >= ? AND hour < ? GROUP BY reason_id",
            (site_id, first, end),
        ).fetchall()
        for edge in edges:
            rows += db.execute(
                "SELECT reason_id, sum(class = ?), count(*) FROM hits WHERE site_id = ?"
                " AND occurred_at_ms >= ? AND occurred_at_ms < ? AND class IN (?, ?)"
                " GROUP BY reason_id",
                (
                    HitClass.BOT_PAGE_VIEW,
                    site_id,
                    *edge,
                    HitClass.BOT_PAGE_VIEW,
                    HitClass.BOT_EVENT,
                ),
            ).fetchall()
        for reason, views, count in rows:
            page_views[reason] += views
            events[reason] += count
        names = texts(db, events)
    found = [BotRow(names[one], page_views[one], count) for one, count in events.most_common()]
    return Bots(page_views.total(), events.total(), tuple(found))
