"""Measures: web vitals and a site's own numbers of a period, from their histograms.

The whole site is known by the UTC hour, pages by the UTC day: a period is taken as all the hours,
or days, that it touches. Quantiles differ by at most tracker.histogram.ERROR (2.5 %) from the value
that was measured; counts and ratings are exact.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from tracker.histogram import at_quantile, bucket_of, value_of
from tracker.rollups import DAY_MS, HOUR_MS, OTHER, id_of_site, snapshot, texts
from tracker.vitals import JUDGED_AT, VITALS, Rating, rating

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


class Value(NamedTuple):
    """One measured value, as the warehouse has it."""

    metric: str
    page: str
    amount: float


def measures_of(values: Iterable[Value]) -> list[Measure]:
    """As `measures`, of single values: those of some visitors."""
    found = [Measure(name, _spread_of(name, theirs)) for name, theirs in _by(0, values).items()]
    return sorted(found, key=_order)


def pages_of(values: Iterable[Value], metric: str, limit: int = 10) -> list[PageMeasure]:
    """As `pages`, of single values."""
    mine = _by(1, (one for one in values if one.metric == metric))
    return _worst([PageMeasure(page, _spread_of(metric, one)) for page, one in mine.items()], limit)


def _by(field: int, values: Iterable[Value]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for value in values:
        found.setdefault(str(value[field]), []).append(value.amount)
    return found


def _spread_of(name: str, amounts: Sequence[float]) -> Spread:
    counted = Counter((bucket_of(amount), rating(name, amount).value) for amount in amounts)
    return spread([(*where, count) for where, count in sorted(counted.items())])


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
