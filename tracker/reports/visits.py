"""Visits over time: how many began in each bucket, how many of them bounced, how long all took."""

import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

from tracker.reports.periods import whole_hours
from tracker.reports.timeseries import STEP_MS
from tracker.rollups import HOUR_MS, Step, id_of_site, snapshot

SESSIONS: Final = (
    "SELECT started_at_ms / ?, count(*), total(page_views = 1 AND interactions = 0),"
    " total(last_at_ms - started_at_ms) FROM sessions"
    " WHERE site_id = ? AND started_at_ms >= ? AND started_at_ms < ? AND page_views > 0 GROUP BY 1"
)


class VisitPoint(NamedTuple):
    """One bucket: [bucket_ms, bucket_ms + step), cut to the period that was asked for."""

    bucket_ms: int
    visits: int
    bounces: int
    duration_ms: int

    @property
    def bounce_ratio(self) -> float | None:
        return self.bounces / self.visits if self.visits else None

    @property
    def average_visit_ms(self) -> int | None:
        return self.duration_ms // self.visits if self.visits else None


def visits_over_time(
    db: sqlite3.Connection, site: str, start_ms: int, end_ms: int, step: Step
) -> list[VisitPoint]:
    """Every bucket of [start_ms, end_ms), empty ones too; they sum up to the overview's."""
    width_ms = STEP_MS[step]
    with snapshot(db):
        site_id = id_of_site(db, site)
        edges: tuple[tuple[int, int], ...]
        if step == Step.MINUTE:
            first, end, edges = 0, 0, ((start_ms, end_ms),)
        else:
            first, end, edges = whole_hours(start_ms, end_ms)
        rows = db.execute(
            "SELECT hour / ?, sum(sessions), sum(bounces), sum(duration_ms) FROM session_hours"
            " WHERE site_id = ? AND hour >= ? AND hour < ? GROUP BY 1",
            (max(1, width_ms // HOUR_MS), site_id, first, end),
        ).fetchall()
        for edge in edges:
            rows += db.execute(SESSIONS, (width_ms, site_id, *edge)).fetchall()
    return filled(rows, start_ms, end_ms, width_ms)


def filled(
    rows: Iterable[tuple[int, int, float, float]], start_ms: int, end_ms: int, width_ms: int
) -> list[VisitPoint]:
    """The buckets of a range, of rows (number of the bucket, visits, bounces, duration)."""
    sums: dict[int, tuple[int, int, int]] = {}
    for bucket, count, bounces, duration_ms in rows:
        before = sums.get(bucket, (0, 0, 0))
        sums[bucket] = (
            before[0] + count,
            before[1] + int(bounces),
            before[2] + int(duration_ms),
        )
    first, end = start_ms // width_ms, -(-end_ms // width_ms) if start_ms < end_ms else 0
    return [VisitPoint(one * width_ms, *sums.get(one, (0, 0, 0))) for one in range(first, end)]
