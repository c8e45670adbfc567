"""Time series: page views and visitors in equal UTC buckets, without gaps."""

import sqlite3
from typing import Final, NamedTuple

from tracker.reports.tally import tally
from tracker.rollups import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    HitClass,
    Kind,
    Step,
    id_of_site,
    snapshot,
)

POINTS_MAX: Final = 10_000
STEP_MS: Final = {Step.MINUTE: MINUTE_MS, Step.HOUR: HOUR_MS, Step.DAY: DAY_MS}


class Point(NamedTuple):
    """One bucket: [bucket_ms, bucket_ms + step), cut to the period that was asked for."""

    bucket_ms: int
    visitors: int
    page_views: int


Counts = dict[int, tuple[int, int]]
"""Number of the bucket since 1970 -> visitors, page views."""


def timeseries(
    db: sqlite3.Connection, site: str, start_ms: int, end_ms: int, step: Step | str
) -> list[Point]:
    """Every bucket of [start_ms, end_ms), empty ones too; their page views sum up to the
    overview's. Raises ValueError for more than POINTS_MAX buckets or an unknown step."""
    width_ms = STEP_MS[Step(step)]
    first, end = start_ms // width_ms, -(-end_ms // width_ms)
    if start_ms >= end_ms:
        return []
    if end - first > POINTS_MAX:
        raise ValueError(f"{end - first} points of one {step} are more than {POINTS_MAX}")
    with snapshot(db):
        site_id = id_of_site(db, site)
        if site_id is None:
            counts: Counts = {}
        elif step == Step.MINUTE:
            counts = _minutes(db, site_id, start_ms, end_ms)
        else:
            counts = _whole_and_cut(db, site_id, (start_ms, end_ms), Step(step))
    return [Point(one * width_ms, *counts.get(one, (0, 0))) for one in range(first, end)]


def _minutes(db: sqlite3.Connection, site_id: int, start_ms: int, end_ms: int) -> Counts:
    rows = db.execute(
        "SELECT occurred_at_ms / ?, count(DISTINCT visitor_id), count(*) FROM hits"
        " WHERE site_id = ? AND occurred_at_ms >= ? AND occurred_at_ms < ? AND class = ?"
        " GROUP BY 1",
        (MINUTE_MS, site_id, start_ms, end_ms, HitClass.PAGE_VIEW),
    )
    return {minute: (visitors, views) for minute, visitors, views in rows}


def _whole_and_cut(
    db: sqlite3.Connection, site_id: int, asked: tuple[int, int], step: Step
) -> Counts:
    """Whole buckets as they are stored; the first and the last one counted as far as asked."""
    start_ms, end_ms = asked
    width_ms = STEP_MS[step]
    table, unit = ("daily", "day") if step == Step.DAY else ("hourly", "hour")
    first, end = start_ms // width_ms, -(-end_ms // width_ms)
    rows = db.execute(
        f"SELECT {unit}, visitors, hits FROM {table}"
        f" WHERE site_id = ? AND kind = ? AND {unit} >= ? AND {unit} < ?",
        (site_id, Kind.TOTAL, first, end),
    )
    counts: Counts = {bucket: (visitors, hits) for bucket, visitors, hits in rows}
    for bucket in {first, end - 1}:
        cut = (max(bucket * width_ms, start_ms), min((bucket + 1) * width_ms, end_ms))
        if cut[1] - cut[0] < width_ms:
            total = tally(db, site_id, Kind.TOTAL, *cut)
            counts[bucket] = (total.visitors[0], total.hits[0])
    return counts
