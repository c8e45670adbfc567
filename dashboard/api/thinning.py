"""Fewer points of a column, for those who read numbers one by one. Pure."""

from collections.abc import Sequence
from typing import Final

from dashboard.cluster.history import KEEP_WORST

POINTS_MIN: Final = 10
POINTS_MAX: Final = 10_080  # a week of minutes, all that there are


def thinned(series: str, values: Sequence[float | None], every: int) -> list[float | None]:
    """One value for each `every` of them, in the way in which history itself makes coarse points:
    the worst of lag, of the rest the mean of what is known."""
    parts = [values[at : at + every] for at in range(0, len(values), every)]
    return [_merged(series, [one for one in part if one is not None]) for part in parts]


def _merged(series: str, known: Sequence[float]) -> float | None:
    if not known:
        return None
    return max(known) if series.startswith(KEEP_WORST) else sum(known) / len(known)
