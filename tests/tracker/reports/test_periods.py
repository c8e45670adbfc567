"""A period has each millisecond of its range once: in a whole day, a whole hour, or at an edge."""

import itertools

import pytest
from hypothesis import given
from hypothesis.strategies import integers, sampled_from, tuples

from tracker.reports.periods import Period, period
from tracker.rollups import DAY_MS, HOUR_MS

DAY = 20_000  # since 1970
START_MS = DAY * DAY_MS
NEAR = sampled_from([0, 1, HOUR_MS - 1, HOUR_MS, HOUR_MS + 1, DAY_MS - 1, DAY_MS, 2 * DAY_MS])
MOMENTS = tuples(integers(0, 3), NEAR, integers(-2, 2)).map(
    lambda given: START_MS + given[0] * DAY_MS + given[1] + given[2]
)


def spans(found: Period) -> list[tuple[int, int]]:
    """All its pieces in milliseconds, in order."""
    pieces = [(day * DAY_MS, (day + 1) * DAY_MS) for day in range(found.first_day, found.end_day)]
    for part in found.parts:
        hours = range(part.first_hour, part.end_hour)
        pieces += [(hour * HOUR_MS, (hour + 1) * HOUR_MS) for hour in hours]
        pieces += part.edges
    return sorted(pieces)


@given(MOMENTS, MOMENTS)
def test_the_pieces_are_the_range_without_a_gap_or_a_second_time(
    start_ms: int, end_ms: int
) -> None:
    pieces = spans(period(start_ms, end_ms))

    if start_ms >= end_ms:
        assert pieces == []
        return
    assert (pieces[0][0], pieces[-1][1]) == (start_ms, end_ms)
    assert all(begin < end for begin, end in pieces)
    assert all(one[1] == after[0] for one, after in itertools.pairwise(pieces))


@given(MOMENTS, MOMENTS)
def test_what_is_read_event_by_event_is_less_than_an_hour_at_each_edge(
    start_ms: int, end_ms: int
) -> None:
    found = period(start_ms, end_ms)

    edges = [edge for part in found.parts for edge in part.edges]

    assert len(found.parts) <= 2
    assert all(end - begin < HOUR_MS for begin, end in edges)
    assert all(part.end_hour - part.first_hour < 24 for part in found.parts)


@pytest.mark.parametrize("days", [1, 2])
def test_whole_days_have_no_parts(days: int) -> None:
    found = period(START_MS, START_MS + days * DAY_MS)

    assert (found.first_day, found.end_day, found.parts) == (DAY, DAY + days, ())


def test_part_of_a_day_names_its_day() -> None:
    found = period(START_MS + HOUR_MS, START_MS + DAY_MS + HOUR_MS)

    assert [part.day for part in found.parts] == [DAY, DAY + 1]
    assert (found.first_day, found.end_day) == (DAY + 1, DAY + 1)
