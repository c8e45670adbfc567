"""Numbers as people read them."""

import pytest

from dashboard.cluster import text


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.45, "450 ms"),
        (9.94, "9.9 s"),
        (59.6, "1 min"),
        (192, "3 min 12 s"),
        (7_200, "2 h"),
        (187_300, "2 d 4 h"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert text.duration(seconds) == shown


def test_what_is_not_known_is_a_dash() -> None:
    unknown = {f(None) for f in (text.duration, text.count, text.rate, text.size, text.percent)}

    assert unknown == {"\u2013"}


@pytest.mark.parametrize(
    ("number", "shown"), [(999, "999 B"), (1_250_000, "1.2 MB"), (10**15, "1000.0 TB")]
)
def test_sizes(number: int, shown: str) -> None:
    assert text.size(number) == shown


def test_moments_say_that_they_are_utc() -> None:
    assert text.moment(1_432_080_000_000) == "2015-05-20 00:00:00 UTC"
