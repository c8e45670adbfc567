"""Overview: how a site did in a period, in one line of numbers."""

import sqlite3
from dataclasses import dataclass

from tracker.reports.periods import whole_hours
from tracker.reports.tally import tally, unseen_names
from tracker.rollups import Kind, id_of_site, snapshot


@dataclass(frozen=True, slots=True)
class Overview:
    """People only; a visitor counts once a UTC day. Visits belong to where they start."""

    visitors: int = 0
    page_views: int = 0
    sessions: int = 0  # visits with a page view
    bounces: int = 0  # of them, those with one page view and nothing done
    events: int = 0  # other than page views, and what the script measures by
    average_visit_ms: int = 0  # from the first to the last sign of life

    @property
    def bounce_ratio(self) -> float | None:
        """0 to 1; None without a visit."""
        return self.bounces / self.sessions if self.sessions else None


def overview(db: sqlite3.Connection, site: str, start_ms: int, end_ms: int) -> Overview:
    """The numbers of [start_ms, end_ms); zeros for a site or a time without events."""
    with snapshot(db):
        site_id = id_of_site(db, site)
        if site_id is None:
            return Overview()
        total = tally(db, site_id, Kind.TOTAL, start_ms, end_ms)
        events = tally(db, site_id, Kind.EVENT, start_ms, end_ms).hits
        for unseen in unseen_names(db):
            del events[unseen]
        sessions, bounces, duration_ms = _visits(db, site_id, start_ms, end_ms)
    return Overview(
        visitors=total.visitors[0],
        page_views=total.hits[0],
        sessions=sessions,
        bounces=bounces,
        events=events.total(),
        average_visit_ms=duration_ms // sessions if sessions else 0,
    )


def _visits(
    db: sqlite3.Connection, site_id: int, start_ms: int, end_ms: int
) -> tuple[int, int, int]:
    """Visits that start in the range, bounces among them, and how long all of them took."""
    first, end, edges = whole_hours(start_ms, end_ms)
    rows = [
        db.execute(
            "SELECT total(sessions), total(bounces), total(duration_ms) FROM session_hours"
            " WHERE site_id = ? AND hour >= ? AND hour < ?",
            (site_id, first, end),
        ).fetchone()
    ]
    rows += [
        db.execute(
            "SELECT count(*), total(page_views = 1 AND interactions = 0),"
            " total(last_at_ms - started_at_ms) FROM sessions"
            " WHERE site_id = ? AND started_at_ms >= ? AND started_at_ms < ? AND page_views > 0",
            (site_id, *edge),
        ).fetchone()
        for edge in edges
    ]
    sessions, bounces, duration_ms = (int(sum(column)) for column in zip(*rows, strict=True))
    return sessions, bounces, duration_ms
