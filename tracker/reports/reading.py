"""Reading: how long a page is in view and how far down it is seen, for each view that told so."""

from typing import Final, NamedTuple

READING: Final = """
WITH told AS (
    SELECT page, total(engagement_ms) AS ms, max(scroll_depth) AS depth FROM picked
    WHERE engagement_ms IS NOT NULL GROUP BY page, view
), means AS (SELECT page, avg(ms) AS ms, avg(depth) AS depth FROM told GROUP BY page),
seen AS (
    SELECT page, count(DISTINCT visitor) AS visitors, count(*) AS views FROM picked
    WHERE views GROUP BY page
)
SELECT seen.page, seen.visitors, seen.views, CAST(means.ms AS INTEGER), means.depth
FROM seen JOIN means USING (page) ORDER BY 3 DESC, 1 LIMIT ?
"""
"""SQL over the table `picked` of tracker.reports.segment."""


class Reading(NamedTuple):
    """One page."""

    page: str
    visitors: int
    views: int
    average_ms: int  # in view, by the clock of the page
    scroll_depth: float | None  # percent, the deepest of each view
