"""Measured values: web vitals and a site's own numbers, from topic `metrics`, as histograms.

What visitors' browsers send is bounded here, since anybody can send: a site has at most
NAMES_MAX names of its own for all time, and a metric at most PAGES_MAX pages a day; the first ones
stay, the others are counted together as OTHER. Hours have no pages, days do: so the tables grow
with the days, and not with the visits. The rating is stored beside the bucket, so that the shares
of good and poor are exact although a threshold may lie inside a bucket.
"""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from tracker.events import Event
from tracker.histogram import bucket_of
from tracker.rollups import OTHER
from tracker.stream.names import Names
from tracker.stream.windows import day_of, hour_of
from tracker.vitals import VITALS, rating

NAMES_MAX: Final = 50
PAGES_MAX: Final = 100
KNOWN_DAYS_MAX: Final = 2_000  # about 2 MB with texts; above it the memory starts anew

_HOURS: Final = (
    "INSERT INTO metric_hours (site_id, metric_id, hour, bucket, rating, measured)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (site_id, metric_id, hour, bucket, rating)"
    " DO UPDATE SET measured = measured + excluded.measured"
)
_DAYS: Final = (
    "INSERT INTO metric_days (site_id, metric_id, day, page_id, bucket, rating, measured)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (site_id, metric_id, day, page_id, bucket, rating)"
    " DO UPDATE SET measured = measured + excluded.measured"
)
_METRICS: Final = (
    "SELECT text FROM metric_names JOIN names ON id = metric_id"
    " WHERE site_id = (SELECT id FROM names WHERE text = ?)"
)
_PAGES: Final = (
    "SELECT text FROM (SELECT DISTINCT page_id FROM metric_days"
    " WHERE site_id = (SELECT id FROM names WHERE text = ?)"
    " AND metric_id = (SELECT id FROM names WHERE text = ?) AND day = ?)"
    " JOIN names ON id = page_id"
)


class _Value(NamedTuple):
    """One measured value, with the texts it is kept under."""

    site: str
    metric: str
    page: str
    at_ms: int
    bucket: int
    rating: int


class Measured:
    """Counts a batch inside the caller's transaction."""

    def __init__(self, db: sqlite3.Connection, names: Names) -> None:
        self._db = db
        self._names = names
        self._metrics: dict[str, set[str]] = {}  # by site
        self._pages: dict[tuple[str, str, int], set[str]] = {}  # by site, metric, day

    def count(self, batch: Sequence[Event]) -> None:
        """Each event has a metric_name and a metric_value."""
        values = [self._bounded(event) for event in batch]
        self._names.prepare({text for value in values for text in value[:3]})
        hours: Counter[tuple[int, ...]] = Counter()
        days: Counter[tuple[int, ...]] = Counter()
        for value in values:
            site, metric, page = self._names.ids_of(value[:3])
            where = (value.bucket, value.rating)
            hours[site, metric, hour_of(value.at_ms), *where] += 1
            days[site, metric, day_of(value.at_ms), page, *where] += 1
        self._db.executemany(
            "INSERT INTO metric_names (site_id, metric_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
            {key[:2] for key in hours},
        )
        self._db.executemany(_HOURS, [(*key, count) for key, count in hours.items()])
        self._db.executemany(_DAYS, [(*key, count) for key, count in days.items()])

    def forget(self) -> None:
        """After a rollback: what was thought stored is not."""
        self._metrics.clear()
        self._pages.clear()

    def _bounded(self, event: Event) -> _Value:
        name, value = event.metric_name or "", event.metric_value or 0.0
        site, day = event.site_id, day_of(event.occurred_at)
        metric = self._metric(site, name)
        page = self._page(site, metric, day, event.pathname or "")
        return _Value(
            site, metric, page, event.occurred_at, bucket_of(value), rating(metric, value).value
        )

    def _metric(self, site: str, name: str) -> str:
        if name in VITALS:
            return name
        known = self._metrics.get(site)
        if known is None:
            rows = self._db.execute(_METRICS, (site,))
            known = self._metrics[site] = {text for (text,) in rows} - VITALS.keys() - {OTHER}
        return _among(known, name, NAMES_MAX)

    def _page(self, site: str, metric: str, day: int, page: str) -> str:
        known = self._pages.get((site, metric, day))
        if known is None:
            if len(self._pages) >= KNOWN_DAYS_MAX:
                self._pages.clear()
            rows = self._db.execute(_PAGES, (site, metric, day))
            known = self._pages[site, metric, day] = {text for (text,) in rows} - {OTHER}
        return _among(known, page, PAGES_MAX)


def _among(known: set[str], text: str, most: int) -> str:
    """`text`, remembered, while there is room for it; else OTHER."""
    if text not in known and len(known) >= most:
        return OTHER
    known.add(text)
    return text
