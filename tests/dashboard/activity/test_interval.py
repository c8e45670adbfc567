"""How wide the pieces of the chart are, and that nothing is lost when days become weeks."""

import pytest
from hypothesis import given
from hypothesis.strategies import integers, sampled_from

from dashboard.activity.interval import WIDER, Interval, allowed, chosen, folded, lengths
from tracker.reports.timeseries import Point
from tracker.reports.visits import VisitPoint
from tracker.rollups import DAY_MS, HOUR_MS, MINUTE_MS

SUNDAY = 1_793_491_200_000  # 2026-11-01


@pytest.mark.parametrize(
    ("length_ms", "known"),
    [
        (30 * MINUTE_MS, "minute"),
        (DAY_MS, "minute hour"),
        (2 * DAY_MS, "hour day"),
        (7 * DAY_MS, "hour day"),
        (30 * DAY_MS, "hour day week"),
        (62 * DAY_MS, "hour day week month"),
        (63 * DAY_MS, "day week month"),
        (10_000 * DAY_MS, "day week month"),
    ],
)
def test_a_period_has_the_intervals_that_fit_into_it(length_ms: int, known: str) -> None:
    assert " ".join(allowed(length_ms)) == known


@pytest.mark.parametrize(
    ("asked", "length_ms", "found"),
    [
        ("", DAY_MS, "hour"),
        ("", 30 * DAY_MS, "day"),
        ("week", 30 * DAY_MS, "week"),
        ("minute", 30 * DAY_MS, "day"),
        ("century", 30 * MINUTE_MS, "minute"),
    ],
)
def test_what_does_not_fit_falls_back_to_what_shows_a_shape(
    asked: str, length_ms: int, found: str
) -> None:
    assert chosen(asked, length_ms) == found


@given(integers(1, 10_000 * DAY_MS))
def test_what_is_chosen_is_allowed_from_two_minutes_on(length_ms: int) -> None:
    assert chosen("", length_ms) in allowed(max(length_ms, 2 * MINUTE_MS))


def test_weeks_begin_on_mondays_and_months_on_their_first_day() -> None:
    weeks = lengths(Interval.WEEK, SUNDAY, 10)
    months = lengths(Interval.MONTH, SUNDAY - DAY_MS, 32)

    assert weeks == [(SUNDAY - 6 * DAY_MS, 1), (SUNDAY + DAY_MS, 7), (SUNDAY + 8 * DAY_MS, 2)]
    assert [days for _, days in months] == [1, 30, 1]
    assert months[1][0] == SUNDAY


@given(sampled_from(WIDER), integers(0, 20_000), integers(1, 800))
def test_every_day_is_in_one_piece_and_sums_stay(interval: Interval, first: int, days: int) -> None:
    points = [Point((first + day) * DAY_MS, day, 2 * day) for day in range(days)]
    visits = [VisitPoint((first + day) * DAY_MS, day, 1, HOUR_MS) for day in range(days)]

    pieces = lengths(interval, first * DAY_MS + HOUR_MS, days)

    assert sum(count for _, count in pieces) == days
    assert sum(one.visitors for one in folded(points, pieces)) == sum(range(days))
    assert sum(one.bounces for one in folded(visits, pieces)) == days


def test_the_time_before_is_cut_into_pieces_of_as_many_days() -> None:
    """So that three days of a week are compared with three days, not with a whole week."""
    pieces = lengths(Interval.WEEK, SUNDAY, 10)
    before = [Point(SUNDAY - (10 - day) * DAY_MS, 1, 1) for day in range(12)]

    assert [one.visitors for one in folded(before, pieces)] == [1, 7, 2]
    assert [one.visitors for one in folded(before[:5], pieces)] == [1, 4]
