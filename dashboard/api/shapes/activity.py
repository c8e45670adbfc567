"""What is told of the visitors of a site."""

from msgspec import Struct

from dashboard.activity.interval import Interval
from tracker.reports.bots import Bots
from tracker.reports.breakdown import Row
from tracker.reports.funnel import Stage
from tracker.reports.overview import Overview
from tracker.reports.reading import Reading
from tracker.reports.revenue import Earned
from tracker.reports.timeseries import Point
from tracker.reports.visits import VisitPoint


class PropertyRow(Struct, frozen=True):
    """One value of a property of the event that is filtered by; "": not known."""

    property: str
    value: str
    visitors: int
    page_views: int


class SpreadTold(Struct, frozen=True):
    """How measured values are spread: milliseconds of all vitals but CLS, which has no unit."""

    values: int
    median: float
    p75: float
    rating: str
    good: int
    needs_improvement: int
    poor: int


class OwnSpread(Struct, frozen=True):
    """Of a metric of the site's own, which nobody rates."""

    values: int
    median: float
    p75: float


class PageSpread(Struct, frozen=True):
    """The same on one page."""

    page: str
    values: int
    median: float
    p75: float
    rating: str
    good: int
    needs_improvement: int
    poor: int


class MeasuresTold(Struct, frozen=True):
    """By name; `pages`: where `vital` is worst."""

    vitals: dict[str, SpreadTold]
    own: dict[str, OwnSpread]
    vital: str
    pages: list[PageSpread]


class ActivityTold(Struct, frozen=True):
    """One site in [start_ms, end_ms). `step`: what a point stands for, `intervals`: what it could;
    `before`: the time to compare with, [start_ms, end_ms) of which is `compared_with`, or null;
    `cut`: there are more events than are looked at, the oldest are left out."""

    site: str
    start_ms: int
    end_ms: int
    step: Interval
    intervals: list[Interval]
    compared_with: tuple[int, int] | None
    overview: Overview
    live_visitors: int
    timeseries: list[Point]
    breakdowns: dict[str, list[Row]]
    funnel: list[Stage]
    before: Overview | None
    properties: list[PropertyRow]
    cut: bool
    measures: MeasuresTold
    bots: Bots
    visits: list[VisitPoint]
    reading: list[Reading]
    revenue: list[Earned]
