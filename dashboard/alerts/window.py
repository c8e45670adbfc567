"""The last hour of a few numbers, thinned: what rules about change need. Pure."""

from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

STEP_MS: Final = 15_000
KEPT_MS: Final = 65 * 60_000
SERIES_MAX: Final = 20_000

Points = list[tuple[int, float]]


class Window:
    """Series by name, each a row of (milliseconds, value), at most one in `STEP_MS`."""

    def __init__(self) -> None:
        self._series: dict[str, deque[tuple[int, float]]] = {}

    def see(self, name: str, now_ms: int, value: float) -> None:
        """The newest value replaces one that is younger than `STEP_MS`, but never the first."""
        row = self._series.get(name)
        if row is None:
            if len(self._series) >= SERIES_MAX:
                return
            row = self._series[name] = deque()
        if len(row) > 1 and row[-1][0] - row[-2][0] < STEP_MS:
            row.pop()
        row.append((now_ms, value))
        while row[0][0] < now_ms - KEPT_MS:
            row.popleft()

    def forget_before(self, seen_ms: int) -> None:
        """Drop series that nothing was seen of since then: their group or role is gone."""
        gone = [name for name, row in self._series.items() if row[-1][0] < seen_ms]
        for name in gone:
            del self._series[name]

    def points(self, name: str, now_ms: int, range_ms: int) -> Points:
        """Those within the range, oldest first."""
        return [point for point in self._series.get(name, ()) if point[0] >= now_ms - range_ms]


def increase(points: Points) -> float:
    """How much a counter grew; one that fell was started again at 0."""
    grown = 0.0
    for (_, before), (_, after) in pairwise(points):
        grown += after - before if after >= before else after
    return grown


def rate(points: Points) -> float | None:
    """Growth of a counter a second; None before there are two points."""
    if len(points) < 2:
        return None
    return increase(points) * 1000 / (points[-1][0] - points[0][0])


def slope(points: Points) -> float | None:
    """Rise a second of the straight line through the points (least squares)."""
    if len(points) < 2:
        return None
    first = points[0][0]
    xs = [(at - first) / 1000 for at, _ in points]
    ys = [value for _, value in points]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    moved = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return moved / spread if spread else None


def unchanged(points: Iterable[tuple[int, float]]) -> bool:
    """One value all along."""
    return len({value for _, value in points}) == 1
