"""Which days the activity page shows."""

import pytest
from hypothesis import given
from hypothesis.strategies import integers, sampled_from, text

from dashboard.activity.interval import chosen
from dashboard.activity.period import PERIODS, Known, choose, own_days
from tracker.rollups import DAY_MS

NOW = 1_795_364_000_000  # 2026-11-22 16:13:20 UTC
TODAY = NOW // DAY_MS * DAY_MS
NOTHING = ("", "")


def test_a_site_with_news_shows_the_last_day() -> None:
    period = choose("", NOTHING, Known(TODAY - 9 * DAY_MS, TODAY), NOW)

    assert period.key == "24h"
    assert period.end_ms - period.start_ms == DAY_MS
    assert period.end_ms > NOW


def test_a_site_with_old_data_only_shows_all_of_it() -> None:
    """An imported log of 2015 must not open on an empty page."""
    first, last = 1_431_820_800_000, 1_432_080_000_000

    period = choose("", NOTHING, Known(first, last), NOW)

    assert (period.key, period.start_ms, period.end_ms) == ("all", first, last + DAY_MS)
    assert (period.first_day, period.last_day) == ("2015-05-17", "2015-05-20")


def test_days_of_the_form_include_the_last_one() -> None:
    period = choose("7d", ("2015-05-17", "2015-05-18"), Known(None, None), NOW)

    assert (period.key, period.end_ms - period.start_ms) == ("custom", 2 * DAY_MS)


@pytest.mark.parametrize("days", [("2015-05-18", "2015-05-17"), ("x", "y"), ("0001-01-01", "")])
def test_days_that_make_no_sense_fall_back(days: tuple[str, str]) -> None:
    assert choose("7d", days, Known(None, None), NOW).key == "7d"


@pytest.mark.parametrize(
    "days", [("1971-01-01", "2026-11-22"), ("1971-01-01", "9000-01-01"), NOTHING]
)
def test_of_a_range_that_no_chart_can_draw_the_end_is_shown(days: tuple[str, str]) -> None:
    period = choose("all", days, Known(0, TODAY), NOW)

    assert period.end_ms - period.start_ms == 10_000 * DAY_MS
    assert period.last_day == (days[1] or "2026-11-22")


@given(
    sampled_from([key for key, _ in PERIODS] + ["nonsense"]),
    text(max_size=12),
    integers(0, 2**42),
)
def test_every_answer_is_a_range_that_the_chart_can_draw(key: str, day: str, now_ms: int) -> None:
    period = choose(key, (day, ""), Known(now_ms // DAY_MS * DAY_MS, None), now_ms)

    assert period.start_ms < period.end_ms
    step_ms = {"minute": 60_000, "hour": 3_600_000, "day": DAY_MS}[chosen("", period.length_ms)]
    assert period.length_ms / step_ms <= 10_000


@pytest.mark.parametrize(
    ("key", "first", "last"),
    [
        ("yesterday", "2026-11-21", "2026-11-21"),
        ("month", "2026-11-01", "2026-11-22"),
        ("lastmonth", "2026-10-01", "2026-10-31"),
        ("year", "2026-01-01", "2026-11-22"),
        ("12mo", "2025-12-01", "2026-11-22"),
    ],
)
def test_periods_of_the_calendar_are_whole_utc_days(key: str, first: str, last: str) -> None:
    period = choose(key, NOTHING, Known(TODAY, TODAY), NOW)

    assert (period.first_day, period.last_day) == (first, last)


def test_a_year_before_is_the_same_days_of_the_week_as_far_as_this_one_has_come() -> None:
    period = choose("7d", NOTHING, Known(TODAY, TODAY), NOW)

    found = period.before(NOW, year=True)

    assert found is not None
    assert found[0] == period.start_ms - 364 * DAY_MS
    assert 0 < found[1] - (NOW - 364 * DAY_MS) <= 60_000


def test_all_time_ends_today_though_an_event_is_dated_in_the_year_9999() -> None:
    period = choose("all", NOTHING, Known(TODAY - DAY_MS, 2_932_896 * DAY_MS), NOW)

    assert (period.start_ms, period.end_ms) == (TODAY - DAY_MS, TODAY + DAY_MS)


def test_own_days_to_compare_with_include_the_last_one_and_are_bounded() -> None:
    assert own_days("1970-12-31", "1971-01-01") is None
    assert own_days("2026-11-02", "2026-11-01") is None
    assert own_days("2026-11-01", "") == (1_793_491_200_000, 1_793_491_200_000 + DAY_MS)
    start_ms, end_ms = own_days("1971-01-01", "9000-01-01") or (0, 0)
    assert end_ms - start_ms == 10_000 * DAY_MS
