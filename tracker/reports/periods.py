"""Periods: a range of time as whole UTC days, whole hours, and what is left at its edges.

    start          whole days           end
      |--|====|#########################|===|-|
      edge hours                       hours edge

Whole days are read from `daily`, whole hours from `hourly` and `presence`, edges (less than an
hour each) from `hits`: so the numbers are exact and only edges cost a scan of events.
"""

from dataclasses import dataclass

from tracker.rollups import DAY_MS, HOUR_MS, HOURS_A_DAY


@dataclass(frozen=True, slots=True)
class DayPart:
    """A piece of one UTC day, not all of it."""

    day: int  # since 1970
    first_hour: int  # since 1970, inclusive
    end_hour: int  # exclusive; equal to first_hour when no hour is whole
    edges: tuple[tuple[int, int], ...]  # at most two, [start, end) in milliseconds

    @property
    def hour_bits(self) -> int:
        """The whole hours as bits of their day, as `presence` has them."""
        base = self.day * HOURS_A_DAY
        return sum(1 << hour - base for hour in range(self.first_hour, self.end_hour))


@dataclass(frozen=True, slots=True)
class Period:
    """A range, taken apart."""

    first_day: int  # inclusive
    end_day: int  # exclusive; equal to first_day when no day is whole
    parts: tuple[DayPart, ...]  # at most two, ascending


def period(start_ms: int, end_ms: int) -> Period:
    """[start_ms, end_ms) taken apart; an empty or reversed range has nothing in it."""
    first_day, end_day = -(-start_ms // DAY_MS), end_ms // DAY_MS
    if start_ms >= end_ms:
        return Period(first_day, first_day, ())
    if first_day > end_day:  # inside one day
        return Period(first_day, first_day, (_part(start_ms, end_ms),))
    parts = []
    if start_ms < first_day * DAY_MS:
        parts.append(_part(start_ms, first_day * DAY_MS))
    if end_ms > end_day * DAY_MS:
        parts.append(_part(end_day * DAY_MS, end_ms))
    return Period(first_day, end_day, tuple(parts))


def whole_hours(start_ms: int, end_ms: int) -> tuple[int, int, tuple[tuple[int, int], ...]]:
    """First and end hour of the whole hours in a range, and the edges around them."""
    first, end = -(-start_ms // HOUR_MS), end_ms // HOUR_MS
    if start_ms >= end_ms:
        return first, first, ()
    if first > end:  # inside one hour
        return first, first, ((start_ms, end_ms),)
    around = ((start_ms, first * HOUR_MS), (end * HOUR_MS, end_ms))
    return first, end, tuple(edge for edge in around if edge[0] < edge[1])


def _part(start_ms: int, end_ms: int) -> DayPart:
    return DayPart(start_ms // DAY_MS, *whole_hours(start_ms, end_ms))
