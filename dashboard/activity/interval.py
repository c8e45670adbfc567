"""How wide the pieces of the chart are: a minute to a month, as far as the period allows. Pure.

Reports know minutes, hours and days. Days are added up to weeks and months here, which is exact: a
visitor is counted once a UTC day everywhere on the page.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from typing import Final, TypeVar

from tracker.reports.timeseries import POINTS_MAX, Point
from tracker.reports.visits import VisitPoint
from tracker.rollups import DAY_MS, HOUR_MS, MINUTE_MS, Step

T = TypeVar("T", Point, VisitPoint)

THURSDAY_MS: Final = 3 * DAY_MS  # 1970-01-01 was three days after a Monday
FINE_POINTS_MAX: Final = 1_500
"""Minutes or hours of one chart: 25 hours, or 62 days."""


class Interval(StrEnum):
    """What one point of the chart stands for; weeks begin on Mondays, all in UTC."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def step(self) -> Step:
        """Of the reports that it is made of."""
        return Step.DAY if self in WIDER else Step(self.value)


WIDER: Final = (Interval.WEEK, Interval.MONTH)
WIDTH_MS: Final = {
    Interval.MINUTE: MINUTE_MS,
    Interval.HOUR: HOUR_MS,
    Interval.DAY: DAY_MS,
    Interval.WEEK: 7 * DAY_MS,
    Interval.MONTH: 31 * DAY_MS,  # the longest
}


def allowed(length_ms: int) -> tuple[Interval, ...]:
    """Those of which a range of this length has at least two, and not too many to draw."""
    return tuple(
        one
        for one, width_ms in WIDTH_MS.items()
        if width_ms < length_ms <= width_ms * (FINE_POINTS_MAX if width_ms < DAY_MS else POINTS_MAX)
    )


def chosen(asked: str, length_ms: int) -> Interval:
    """The one that is asked for, if it is allowed; else one that is fine enough to see a shape."""
    known = allowed(length_ms)
    if asked in known:
        return Interval(asked)
    if length_ms <= 6 * HOUR_MS:
        return Interval.MINUTE
    return Interval.HOUR if length_ms <= 200 * HOUR_MS else Interval.DAY


def lengths(interval: Interval, start_ms: int, days: int) -> list[tuple[int, int]]:
    """When each week or month begins, and how many of `days` days from `start_ms` on are in it."""
    at = (_begin(interval, start_ms // DAY_MS * DAY_MS + day * DAY_MS) for day in range(days))
    return [(begin_ms, len(list(same))) for begin_ms, same in groupby(at)]


def folded(points: Sequence[T], pieces: Sequence[tuple[int, int]]) -> list[T]:
    """Points of days added up by `lengths`; what is behind the last piece is left out."""
    found, place = [], 0
    for begin_ms, days in pieces:
        part = points[place : place + days]
        place += days
        if part:
            found.append(_sum(begin_ms, part))
    return found


def _sum(begin_ms: int, part: Sequence[T]) -> T:
    make: Callable[..., T] = type(part[0])
    return make(begin_ms, *(sum(column) for column in list(zip(*part, strict=True))[1:]))


def _begin(interval: Interval, day_ms: int) -> int:
    """Of the week or month that a day lies in."""
    if interval is Interval.WEEK:
        return day_ms - (day_ms + THURSDAY_MS) % (7 * DAY_MS)
    day = datetime.fromtimestamp(day_ms / 1000, UTC)
    return day_ms - (day.day - 1) * DAY_MS
