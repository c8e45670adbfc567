"""Breakdown: the most seen pages, sources, countries ... of a period."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from tracker.reports.tally import tally, unseen_names
from tracker.rollups import KINDS, Dimension, id_of_site, snapshot, texts


class Row(NamedTuple):
    """One value. "" is "not known". For events `page_views` counts the events, for entry and exit
    pages the visits that began or ended there."""

    value: str
    visitors: int
    page_views: int


def breakdown(
    db: sqlite3.Connection,
    site: str,
    dimension: Dimension | str,
    start_ms: int,
    end_ms: int,
    *,
    limit: int = 10,
) -> list[Row]:
    """The `limit` values with the most visitors in [start_ms, end_ms), the most seen first.

    Sources count arrivals only, not steps from page to page; events leave out page views and what
    the script measures by.
    Raises ValueError for an unknown dimension.
    """
    asked = Dimension(dimension)
    with snapshot(db):
        site_id = id_of_site(db, site)
        if site_id is None or start_ms >= end_ms:
            return []
        if asked == Dimension.ENTRY_PAGE:
            rows = _entry_pages(db, site_id, start_ms, end_ms)
        else:
            counted = tally(db, site_id, KINDS[asked], start_ms, end_ms)
            unseen = unseen_names(db) if asked == Dimension.EVENT else ()
            rows = [
                (value, counted.visitors[value], hits)
                for value, hits in counted.hits.items()
                if value not in unseen
            ]
        return _most(db, rows, limit)


def _entry_pages(
    db: sqlite3.Connection, site_id: int, start_ms: int, end_ms: int
) -> list[tuple[int, int, int]]:
    return db.execute(
        "SELECT entry_page_id, count(DISTINCT visitor_id), count(*) FROM sessions"
        " WHERE site_id = ? AND started_at_ms >= ? AND started_at_ms < ? AND page_views > 0"
        " GROUP BY entry_page_id",
        (site_id, start_ms, end_ms),
    ).fetchall()


def _most(db: sqlite3.Connection, rows: Iterable[tuple[int, int, int]], limit: int) -> list[Row]:
    """Equal ones by text, so that a page does not flicker; their texts are few."""
    ranked = sorted(rows, key=lambda row: (-row[1], -row[2]))
    if len(ranked) > limit > 0:
        worst = ranked[limit - 1][1:]
        ranked = [row for row in ranked if row[1:] >= worst]
    names = texts(db, [value for value, _visitors, _hits in ranked])
    named = [Row(names[value], visitors, hits) for value, visitors, hits in ranked]
    return sorted(named, key=lambda row: (-row.visitors, -row.page_views, row.value))[:limit]
