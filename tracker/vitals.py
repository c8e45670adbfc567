"""Web vitals: their names on topic `metrics`, and Google's thresholds for good and poor.

The thresholds are those of web.dev/articles/vitals and of the articles of FCP and TTFB; a site is
judged by its 75th percentile. LCP, INP, FCP and TTFB are in milliseconds, CLS has no unit.
"""

from enum import IntEnum
from typing import Final

VITALS: Final = {
    "lcp": (2_500, 4_000),
    "inp": (200, 500),
    "cls": (0.1, 0.25),
    "fcp": (1_800, 3_000),
    "ttfb": (800, 1_800),
}
"""Name -> the greatest good value, and the greatest that is not yet poor."""

JUDGED_AT: Final = 0.75


class Rating(IntEnum):
    """How a value is to be judged. Stored: never renumber."""

    GOOD = 0  # also every value of a metric that has no thresholds
    FAIR = 1  # Google: "needs improvement"
    POOR = 2


def rating(name: str, value: float) -> Rating:
    """The rating of one measured value."""
    if name not in VITALS:
        return Rating.GOOD
    good, fair = VITALS[name]
    return Rating.GOOD if value <= good else Rating.FAIR if value <= fair else Rating.POOR
