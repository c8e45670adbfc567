"""Google's thresholds: the good and the fair value belong to the better side."""

import pytest

from tracker.vitals import Rating, rating


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("lcp", 2_500, Rating.GOOD),
        ("lcp", 2_501, Rating.FAIR),
        ("lcp", 4_000, Rating.FAIR),
        ("lcp", 4_001, Rating.POOR),
        ("inp", 200, Rating.GOOD),
        ("inp", 501, Rating.POOR),
        ("cls", 0.1, Rating.GOOD),
        ("cls", 0.26, Rating.POOR),
        ("fcp", 1_801, Rating.FAIR),
        ("ttfb", 1_801, Rating.POOR),
        ("checkout_ms", 9e9, Rating.GOOD),
    ],
)
def test_a_value_is_rated_by_the_thresholds(name: str, value: float, expected: Rating) -> None:
    assert rating(name, value) == expected
