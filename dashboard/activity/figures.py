"""Figures of the activity page that its chart can be of, and the columns of that chart. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dashboard.activity.desk import Report
from tracker.reports.timeseries import Point
from tracker.reports.visits import VisitPoint

BEFORE: Final = " before"
Value = int | float | None


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the totals."""

    label: str  # of its line
    value: Callable[[Any], Value]  # of a Point, or of a VisitPoint
    of_visits: bool = False
    unit: str = ""


def _bounced(point: VisitPoint) -> Value:
    return None if point.bounce_ratio is None else round(point.bounce_ratio * 100, 1)


def _length(point: VisitPoint) -> Value:
    return None if point.average_visit_ms is None else point.average_visit_ms // 1000


FIGURES: Final = {
    "visitors": Figure("visitors", lambda point: point.visitors),
    "views": Figure("page views", lambda point: point.page_views),
    "visits": Figure("visits", lambda point: point.visits, of_visits=True),
    "bounces": Figure("bounce rate", _bounced, of_visits=True, unit=" %"),
    "length": Figure("visit length", _length, of_visits=True, unit="s"),
}
"""Key of the query `figure` -> what it draws."""


def chart(report: Report, chosen: str, end_ms: int, now_ms: int) -> dict[str, Any]:
    """Columns for the chart: seconds since 1970, and label and values of each line in order:
    visitors and page views, or the figure that is chosen; and the time before, if it is compared.

    None where nothing is known: what lies ahead is not drawn as nobody. `going` is the place of the
    minute, hour or day that is not over yet.
    """
    figures = [FIGURES[chosen]] if chosen else [FIGURES["visitors"], FIGURES["views"]]
    points: Sequence[Point | VisitPoint] = report.points
    before: Sequence[Point | VisitPoint] = report.points_before
    if figures[0].of_visits:
        points, before = report.visits, report.visits_before
    lines = [(one.label, list(_known(points, one, now_ms))) for one in figures]
    if before:
        then = [figures[0].value(point) for point in before]
        missing = len(points) - len(then)
        lines.append((figures[0].label + BEFORE, (then + [None] * missing)[: len(points)]))
    begun = [point.bucket_ms for point in points if point.bucket_ms <= now_ms]
    columns: dict[str, Any] = {"t": [point.bucket_ms // 1000 for point in points], "lines": lines}
    if begun and (len(begun) < len(points) or now_ms < end_ms):
        columns["going"] = len(begun) - 1
    return columns


def _known(points: Iterable[Point | VisitPoint], figure: Figure, now_ms: int) -> Iterable[Value]:
    for point in points:
        value = figure.value(point)
        yield value if value or point.bucket_ms <= now_ms else None
