"""Segment: the visitors of a site and a range who fit filters, and everything they did there.

Rollups answer one dimension at a time; what crosses two of them, and what no rollup was made for
(campaigns, entry and exit pages, languages, properties), is read from the warehouse. That costs in
proportion to the events of the range, so it is bounded: at most EVENTS_MAX of the newest events
are looked at, and `cut` tells when there were more.

A filter keeps a visitor who has the value at least once in the range (or never, `without`), with
all that he did. A visitor id is worth one UTC day, as everywhere.
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tracker.events import PAGEVIEW, PASSIVE, TOLD_BY_ITSELF
from tracker.reports import funnel
from tracker.reports.breakdown import Row
from tracker.reports.measures import Value
from tracker.reports.overview import Overview
from tracker.reports.reading import READING, Reading
from tracker.reports.revenue import Earned
from tracker.reports.timeseries import STEP_MS, Point
from tracker.reports.visits import VisitPoint, filled
from tracker.rollups import BUSY_TIMEOUT_MS, MINUTE_MS, Step

EVENTS_MAX: Final = 200_000
VISIT_GAP_MS: Final = 30 * MINUTE_MS

COLUMNS: Final = {
    "page": "pathname",
    "source": "source",
    "channel": "channel",
    "referrer": "referrer_host",
    "utm_source": "utm_source",
    "utm_medium": "utm_medium",
    "campaign": "utm_campaign",
    "utm_term": "utm_term",
    "utm_content": "utm_content",
    "country": "country",
    "region": "region",
    "city": "city",
    "language": "language",
    "browser": "browser",
    "os": "os",
    "device": "device_type",
    "screen": "screen",
    "event": "event_name",
}
"""Dimension -> column of `events`. Entry and exit pages belong to visits, not to events."""

ARRIVALS: Final = frozenset(
    ("source", "channel", "referrer", "utm_source", "utm_medium", "campaign", "utm_term",
     "utm_content")
)  # fmt: skip
"""Known on the first page of a visit only: empty ones are steps from page to page."""

DIMENSIONS: Final = (*COLUMNS, "entry_page", "exit_page")

UNSEEN: Final = ", ".join(f"'{name}'" for name in sorted(TOLD_BY_ITSELF))


PROPERTY: Final = "prop."
"""A dimension that begins so is a property of events."""

TEXT: Final = """CASE one.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'
 ELSE CAST(one.value AS TEXT) END"""
"""SQL: the value of a property as people read it."""

PEOPLE: Final = "site_id = ? AND occurred_at >= ? AND occurred_at < ? AND is_bot IS NOT 1"


class Filter(NamedTuple):
    """A dimension of COLUMNS or a property, and the value that it has; "" is "not known"."""

    dimension: str
    value: str
    without: bool = False
    """Visitors who never have the value."""


class Asked(NamedTuple):
    """A site, a range [start_ms, end_ms) of event time, and who counts."""

    site: str
    start_ms: int
    end_ms: int
    filters: tuple[Filter, ...] = ()


class Segment:
    """Temporary tables over one read-only connection; close it when all is asked."""

    def __init__(self, path: Path, asked: Asked, events_max: int = EVENTS_MAX) -> None:
        """Raises sqlite3.Error, also when there is no warehouse."""
        self._asked = asked
        self._db = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            timeout=BUSY_TIMEOUT_MS / 1000,
        )
        self._db.execute("PRAGMA temp_store = MEMORY")
        self._numbered = False
        self.cut = self._pick(events_max)

    def close(self) -> None:
        self._db.close()

    def _pick(self, events_max: int) -> bool:
        """Copies what is asked about; True when there is more than `events_max`."""
        site, start_ms, end_ms, filters = self._asked
        older = self._db.execute(
            "SELECT occurred_at FROM events WHERE site_id = ? AND occurred_at >= ?"
            " AND occurred_at < ? ORDER BY occurred_at DESC LIMIT 1 OFFSET ?",
            (site, start_ms, end_ms, events_max),
        ).fetchone()
        range_ = (site, start_ms if older is None else older[0] + 1, end_ms)
        columns = ", ".join(f"coalesce({column}, '') AS {name}" for name, column in COLUMNS.items())
        acted = f"interactive IS NOT 0 AND event_name NOT IN ({_marks(PASSIVE)})"
        where, values = PEOPLE, [PAGEVIEW, PAGEVIEW, *sorted(PASSIVE), *range_]
        for one in filters:
            condition, theirs = _condition(one)
            where += (
                f" AND visitor_id {'NOT ' * one.without}IN"
                f" (SELECT visitor_id FROM events WHERE {PEOPLE} AND {condition})"
            )
            values += [*range_, *theirs]
        self._db.execute(
            "CREATE TEMP TABLE picked AS SELECT visitor_id AS visitor, occurred_at AS at_ms,"
            f" event_name = ? AS views, event_name <> ? AND {acted} AS acted, props,"
            " page_view_id AS view, engagement_ms, scroll_depth, revenue_amount AS amount,"
            f" revenue_currency AS currency, {columns} FROM events WHERE {where}",
            values,
        ).close()
        return older is not None

    def _number_visits(self) -> None:
        """Makes `visits`: the events with the number of their visit. Few questions need it."""
        if self._numbered:
            return
        self._numbered = True
        self._db.execute(
            "CREATE TEMP TABLE marked AS SELECT visitor, at_ms, views, acted, page,"
            " at_ms - lag(at_ms, 1, 0) OVER mine > ? AS begins FROM picked"
            " WINDOW mine AS (PARTITION BY visitor ORDER BY at_ms) ORDER BY visitor, at_ms",
            (VISIT_GAP_MS,),
        )
        self._db.execute(
            "CREATE TEMP TABLE visits AS SELECT visitor, at_ms, views, acted, page,"
            " sum(begins) OVER (ORDER BY rowid ROWS UNBOUNDED PRECEDING) AS visit FROM marked"
        )

    def overview(self) -> Overview:
        """As reports.overview has it, of these visitors."""
        views, visitors, events = self._db.execute(
            "SELECT total(views), count(DISTINCT CASE WHEN views THEN visitor END),"
            f" total(NOT views AND event NOT IN ({UNSEEN})) FROM picked"
        ).fetchone()
        self._number_visits()
        sessions, bounces, lasted_ms = self._db.execute(
            "SELECT count(*), total(views = 1 AND acted = 0), total(lasted) FROM"
            " (SELECT sum(views) AS views, sum(acted) AS acted, max(at_ms) - min(at_ms) AS lasted"
            " FROM visits GROUP BY visit) WHERE views > 0"
        ).fetchone()
        mean_ms = int(lasted_ms) // sessions if sessions else 0
        return Overview(visitors, int(views), sessions, int(bounces), int(events), mean_ms)

    def timeseries(self, step: Step) -> list[Point]:
        """Every bucket of the range, empty ones too."""
        width_ms = STEP_MS[step]
        rows = self._db.execute(
            "SELECT at_ms / ?, count(DISTINCT visitor), count(*) FROM picked"
            " WHERE views GROUP BY 1",
            (width_ms,),
        )
        counts = {bucket: (visitors, views) for bucket, visitors, views in rows}
        start, end = self._asked.start_ms // width_ms, -(-self._asked.end_ms // width_ms)
        return [Point(one * width_ms, *counts.get(one, (0, 0))) for one in range(start, end)]

    def visits(self, step: Step) -> list[VisitPoint]:
        """As reports.visits has them, of these visitors."""
        self._number_visits()
        width_ms = STEP_MS[step]
        rows = self._db.execute(
            "SELECT began / ?, count(*), total(views = 1 AND acted = 0), total(lasted) FROM"
            " (SELECT min(at_ms) AS began, sum(views) AS views, sum(acted) AS acted,"
            " max(at_ms) - min(at_ms) AS lasted FROM visits GROUP BY visit)"
            " WHERE views > 0 GROUP BY 1",
            (width_ms,),
        )
        return filled(rows, self._asked.start_ms, self._asked.end_ms, width_ms)

    def breakdown(self, dimension: str, limit: int) -> list[Row]:
        """The values with the most visitors. Raises ValueError for an unknown dimension."""
        if dimension in ("entry_page", "exit_page"):
            self._number_visits()
            first = "min" if dimension == "entry_page" else "max"
            rows: Iterable[tuple[str, int, int]] = self._db.execute(
                "SELECT page, count(DISTINCT visitor) AS visitors, count(*) FROM"
                f" (SELECT visitor, page, {first}(at_ms) FROM visits WHERE views"
                " GROUP BY visit) GROUP BY page ORDER BY 2 DESC, 3 DESC, 1 LIMIT ?",
                (limit,),
            )
            return [Row(*row) for row in rows]
        column = _column(dimension)
        which = f"NOT views AND event NOT IN ({UNSEEN})" if dimension == "event" else "views"
        known = f" AND {column} <> ''" if dimension in ARRIVALS else ""
        rows = self._db.execute(
            f"SELECT {column}, count(DISTINCT visitor), count(*) FROM picked"
            f" WHERE {which}{known} GROUP BY 1 ORDER BY 2 DESC, 3 DESC, 1 LIMIT ?",
            (limit,),
        )
        return [Row(*row) for row in rows]

    def properties(self, event: str, limit: int) -> list[tuple[str, Row]]:
        """Property and value of one event, those of most visitors first."""
        rows = self._db.execute(
            f"SELECT one.key, {TEXT}, count(DISTINCT visitor), count(*)"
            " FROM picked, json_each(picked.props) AS one WHERE picked.event = ?"
            " AND picked.props IS NOT NULL GROUP BY 1, 2 ORDER BY 3 DESC, 4 DESC, 1, 2 LIMIT ?",
            (event, limit),
        )
        return [(key, Row(value or "", visitors, hits)) for key, value, visitors, hits in rows]

    def reading(self, limit: int) -> list[Reading]:
        """How long pages are looked at, and how far down; the most seen first."""
        return [Reading(*row) for row in self._db.execute(READING, (limit,))]

    def revenue(self) -> list[Earned]:
        """As reports.revenue has it, of these visitors."""
        rows = self._db.execute(
            "SELECT event, currency, count(*), total(amount) FROM picked WHERE amount IS NOT NULL"
            " AND abs(amount) <= 1e9 GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2"
        )
        return [Earned(*row) for row in rows]

    def values(self) -> list[Value]:
        """What these visitors measured in the range, the newest EVENTS_MAX; none of an old file."""
        has = self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'metrics'").fetchone()
        if has is None:
            return []
        rows = self._db.execute(
            "SELECT metric_name, coalesce(pathname, ''), metric_value FROM metrics"
            " WHERE site_id = ? AND occurred_at >= ? AND occurred_at < ? AND is_bot IS NOT 1"
            " AND metric_value IS NOT NULL AND visitor_id IN (SELECT visitor FROM picked)"
            " ORDER BY occurred_at DESC LIMIT ?",
            (*self._asked[:3], EVENTS_MAX),
        )
        return [Value(*row) for row in rows]

    def funnel(self, steps: Sequence[str]) -> list[funnel.Stage]:
        """How many of these visitors took the steps one after the other."""
        return funnel.funnel(self._db, steps)


def _condition(one: Filter) -> tuple[str, tuple[str, ...]]:
    """SQL that says whether an event has the value, and its parameters."""
    if one.dimension.startswith(PROPERTY):
        has = f"SELECT 1 FROM json_each(props) AS one WHERE one.key = ? AND {TEXT} = ?"
        name = one.dimension.removeprefix(PROPERTY)
        return f"props IS NOT NULL AND EXISTS ({has})", (name, one.value)
    return f"coalesce({COLUMNS[_column(one.dimension)]}, '') = ?", (one.value,)


def _column(dimension: str) -> str:
    if dimension not in COLUMNS:
        raise ValueError(f"{dimension!r} is none of {', '.join(COLUMNS)}")
    return dimension


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))
