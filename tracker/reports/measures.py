"""Measures: web vitals and a site's own numbers of a period, from their histograms.

The whole site is known by the UTC hour, pages by the UTC day: a period is taken as all the hours,
or days, that it touches. Quantiles differ by at most tracker.histogram.ERROR (2.5 %) from the value
that was measured; counts and ratings are exact.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from tracker.histogram import at_quantile, value_of
from tracker.packs.measured import parts_of
from tracker.rollups import DAY_MS, HOUR_MS, OTHER, id_of_site, snapshot, texts
from tracker.vitals import JUDGED_AT, VITALS, Rating

PAGE_VALUES_MIN: Final = 10
PAGE_SHARE_MIN: Final = 20  # a page needs 10 values, or a twentieth of all where these are few

Counts = Sequence[tuple[int, int, int]]
"""(bucket, rating, how many), ascending."""


class Spread(NamedTuple):
    """How measured values are spread. Milliseconds for all vitals but CLS, which has no unit."""

    values: int
    median: float
    p75: float
    rating: Rating  # of the value at p75
    good: int
    fair: int
    poor: int


class Measure(NamedTuple):
    """One metric of the site."""

    name: str
    spread: Spread


class PageMeasure(NamedTuple):
    """One metric on one page; OTHER stands for the pages that were too many."""

    page: str
    spread: Spread


def measures(db: sqlite3.Connection, site: str, start_ms: int, end_ms: int) -> list[Measure]:
    """What was measured in the hours that [start_ms, end_ms) touches: vitals in their usual order,
    then the site's own, the most measured first."""
    found = []
    with snapshot(db):
        site_id = id_of_site(db, site)
        known = db.execute("SELECT metric_id FROM metric_names WHERE site_id = ?", (site_id,))
        names = texts(db, [metric_id for (metric_id,) in known])
        for metric_id, name in names.items():
            counts = db.execute(
                "SELECT bucket, rating, sum(measured) FROM metric_hours WHERE site_id = ?"
                " AND metric_id = ? AND hour >= ? AND hour < ?"
                " GROUP BY bucket, rating ORDER BY bucket, rating",
                (site_id, metric_id, start_ms // HOUR_MS, -(-end_ms // HOUR_MS)),
            ).fetchall()
            if counts:
                found.append(Measure(name, spread(counts)))
    return sorted(found, key=_order)


def pages(
    db: sqlite3.Connection, site: str, metric: str, period: tuple[int, int], *, limit: int = 10
) -> list[PageMeasure]:
    """The pages with the greatest p75 in the UTC days that `period` touches, the worst first.

    Pages with few values are left out: one slow visit is no slow page.
    """
    start_ms, end_ms = period
    with snapshot(db):
        rows = db.execute(
            "SELECT page_id, bucket, rating, sum(measured) FROM metric_days WHERE site_id = ?"
            " AND metric_id = (SELECT id FROM names WHERE text = ?) AND day >= ? AND day < ?"
            " GROUP BY page_id, bucket, rating ORDER BY page_id, bucket, rating",
            (id_of_site(db, site), metric, start_ms // DAY_MS, -(-end_ms // DAY_MS)),
        ).fetchall()
        names = texts(db, {row[0] for row in rows})
    return _worst(
        [
            PageMeasure(names[page_id], spread([row[1:] for row in theirs]))
            for page_id, theirs in groupby(rows, key=itemgetter(0))
        ],
        limit,
    )


def measures_of(counted: Mapping[str, int]) -> list[Measure]:
    """As `measures`, of what some visitors measured, as tracker.packs.measured counts it."""
    return sorted((Measure(*one) for one in _spreads(counted)), key=_order)


def pages_of(counted: Mapping[str, int], limit: int = 10) -> list[PageMeasure]:
    """As `pages`, of what some visitors measured."""
    return _worst([PageMeasure(*one) for one in _spreads(counted)], limit)


def _spreads(counted: Mapping[str, int]) -> Iterator[tuple[str, Spread]]:
    """Of each name."""
    found: defaultdict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for text, count in counted.items():
        bucket, judged, name = parts_of(text)
        found[name].append((bucket, judged, count))
    return ((name, spread(sorted(counts))) for name, counts in found.items())


def _worst(found: Sequence[PageMeasure], limit: int) -> list[PageMeasure]:
    least = min(PAGE_VALUES_MIN, sum(one.spread.values for one in found) // PAGE_SHARE_MIN)
    enough = [one for one in found if one.spread.values >= least]
    return sorted(enough, key=lambda one: (-one.spread.p75, -one.spread.values, one.page))[:limit]


def spread(counts: Counts) -> Spread:
    """The spread of what was counted; there is at least one value."""
    pairs = [(bucket, count) for bucket, _rating, count in counts]
    median, judged = counts[at_quantile(pairs, 0.5)], counts[at_quantile(pairs, JUDGED_AT)]
    return Spread(
        sum(count for _bucket, count in pairs),
        value_of(median[0]),
        value_of(judged[0]),
        Rating(judged[1]),
        *(_rated(counts, rating) for rating in Rating),
    )


def _rated(counts: Iterable[tuple[int, int, int]], wanted: Rating) -> int:
    return sum(count for _bucket, rating, count in counts if rating == wanted)


def _order(one: Measure) -> tuple[int, bool, int, str]:
    vital = list(VITALS).index(one.name) if one.name in VITALS else len(VITALS)
    return vital, one.name == OTHER, -one.spread.values, one.name
