"""When the end of a partition's log was seen where: lag in seconds where nothing better is known.

One point in ten seconds at most; with age points go, so that two neighbours are a 25th of their
age apart and a ring of a week has a few hundred. Nothing is ever told outside of what was seen.
"""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

STEP_MS: Final = 10_000
AGE_SHARE: Final = 25
POINTS_MAX: Final = 512  # 8 KB
_THIN_AT: Final = 128


class EndRing:
    """Points (moment, end of the log), in order of both."""

    __slots__ = ("_thin_at", "at_ms", "ends")

    def __init__(self, points: Sequence[tuple[int, int]] = ()) -> None:
        self.at_ms = array("q", [at_ms for at_ms, _ in points])
        self.ends = array("q", [end for _, end in points])
        self._thin_at = _THIN_AT

    def add(self, now_ms: int, end: int) -> None:
        """One look. An end that went backwards (topic recreated, log cut) starts anew."""
        at_ms, ends = self.at_ms, self.ends
        if ends and (end < ends[-1] or now_ms <= at_ms[-1]):
            del at_ms[:], ends[:]
        if len(ends) >= 2:
            if ends[-1] == ends[-2] == end:  # a flat stretch is two points
                at_ms[-1] = now_ms
                return
            if now_ms - at_ms[-2] < STEP_MS and ends[-1] != ends[-2]:
                at_ms[-1], ends[-1] = now_ms, end
                return
        at_ms.append(now_ms)
        ends.append(end)
        if len(ends) >= self._thin_at:
            self._thin(now_ms)

    def _thin(self, now_ms: int) -> None:
        points = list(zip(self.at_ms, self.ends, strict=True))
        kept = points[:1]
        for point, after in pairwise(points[1:]):
            if after[0] - kept[-1][0] > max(STEP_MS, (now_ms - point[0]) // AGE_SHARE):
                kept.append(point)
        kept = [*kept, points[-1]][-POINTS_MAX:]
        self.at_ms = array("q", [at_ms for at_ms, _ in kept])
        self.ends = array("q", [end for _, end in kept])
        self._thin_at = min(POINTS_MAX + 1, max(_THIN_AT, 2 * len(kept)))

    def passed_at_ms(self, offset: int) -> int | None:
        """When the end rose above `offset`, interpolated; None outside of what was seen."""
        right = bisect_right(self.ends, offset)
        if right == 0 or right == len(self.ends):
            return None
        left_at, right_at = self.at_ms[right - 1], self.at_ms[right]
        left_end, right_end = self.ends[right - 1], self.ends[right]
        share = (offset - left_end) / (right_end - left_end)
        return round(left_at + share * (right_at - left_at))

    def points(self, most: int) -> list[tuple[int, int]]:
        """At most about so many of them, evenly chosen, the first and the last among them."""
        found = list(zip(self.at_ms, self.ends, strict=True))
        width = max(1, -(-len(found) // most))
        return found[::width] + (found[-1:] if (len(found) - 1) % width else [])
