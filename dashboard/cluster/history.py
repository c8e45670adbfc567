"""History without Prometheus: rings of 1 s for 5 minutes, 10 s for 6 hours, 1 min for 7 days.

A series is a name such as `cluster.in` or `group.seconds:export`. Only clusters, topics and groups
have series, partitions do not. Coarse points are means of what fell into them; for lag the worst
is kept, since a mean would hide it.
"""

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final, NamedTuple

SERIES_MAX: Final = 4_000  # about 65 MB
LONG_MAX: Final = 600  # those that are kept for 7 days; the rest only for six hours
STEPS_MS: Final = ((1_000, 300), (10_000, 2_160), (60_000, 10_200))
"""Step and number of slots of each ring, finest first. The last spans two hours more than a week:
this hour is compared with the same one a week before."""

SPARK_POINTS: Final = 60  # of a small line beside a number

KEEP_WORST: Final = ("group.seconds:", "group.lag:", "cluster.lag_seconds")


class Point(NamedTuple):
    """One value of a series, as it is stored over restarts."""

    series: str
    step_ms: int
    at_ms: int  # start of the slot
    value: float


class Ring:
    """Values at a fixed step, the newest `slots` of them; a slot never written is NaN.

    A value holds for `hold_ms`, so that looks five seconds apart leave no gaps of one second.
    """

    def __init__(self, step_ms: int, slots: int, keep_worst: bool, hold_ms: int = 0) -> None:
        self.step_ms = step_ms
        self._hold_slots = hold_ms // step_ms
        self._slots = slots
        self._keep_worst = keep_worst
        self._values = array("f", [math.nan]) * slots
        self._last = -1  # number of the newest slot, at_ms // step_ms
        self._count = 0  # values in the newest slot

    def add(self, at_ms: int, value: float) -> Point | None:
        """Put one value in; returns the slot before when this opened a new one. Old: ignored."""
        slot = at_ms // self.step_ms
        if slot < self._last:
            return None
        if slot == self._last:
            self._merge(value)
            return None
        finished = self._newest()
        if finished is not None:
            held = finished.value if slot - self._last <= self._hold_slots else math.nan
            for skipped in range(max(self._last + 1, slot - self._slots + 1), slot):
                self._values[skipped % self._slots] = held
        self._last, self._count = slot, 1
        self._values[slot % self._slots] = value
        return finished

    def _merge(self, value: float) -> None:
        place = self._last % self._slots
        self._count += 1
        before = self._values[place]
        if isnan(before):
            self._values[place] = value
        elif self._keep_worst:
            self._values[place] = max(before, value)
        else:
            self._values[place] = before + (value - before) / self._count

    def _newest(self) -> Point | None:
        if self._last < 0:
            return None
        value = self._values[self._last % self._slots]
        return Point("", self.step_ms, self._last * self.step_ms, value)

    def since(self, from_ms: int, until_ms: int) -> tuple[list[int], list[float | None]]:
        """Slots that start in [from_ms, until_ms]; None where nothing was seen."""
        first = max(-(-from_ms // self.step_ms), self._last - self._slots + 1, 0)
        times: list[int] = []
        values: list[float | None] = []
        for slot in range(first, min(self._last, until_ms // self.step_ms) + 1):
            value = self._values[slot % self._slots]
            times.append(slot * self.step_ms)
            values.append(None if isnan(value) else value)
        return times, values

    def window(self, first: int, until: int) -> Sequence[float]:
        """Slots with the numbers from `first` to before `until`, NaN where nothing was seen."""
        low = max(first, self._last - self._slots + 1, 0)
        high = max(low, min(until, self._last + 1))
        at, end = low % self._slots, low % self._slots + high - low
        held = self._values[at:end] + self._values[: max(0, end - self._slots)]
        nothing = array("f", [math.nan])
        held = nothing * min(low - first, until - first) + held
        return held + nothing * (until - first - len(held))


@dataclass(frozen=True, slots=True)
class Columns:
    """One series over time, as charts take it."""

    step_ms: int
    times_ms: list[int]
    values: list[float | None]

    @property
    def first_seen_ms(self) -> int:
        """When the first value is; beyond all time when there is none."""
        pairs = zip(self.times_ms, self.values, strict=True)
        return next((at_ms for at_ms, value in pairs if value is not None), 2**62)

    def spark(self) -> list[float]:
        """At most SPARK_POINTS means, oldest first; gaps are left out."""
        known = [value for value in self.values if value is not None]
        width = max(1, -(-len(known) // SPARK_POINTS))
        parts = [known[at : at + width] for at in range(0, len(known), width)]
        return [sum(part) / len(part) for part in parts]


class History:
    """All series of one cluster; finished points wait to be stored until they are taken."""

    def __init__(self, hold_ms: int = 0) -> None:
        self._hold_ms = hold_ms
        self._series: dict[str, tuple[Ring, ...]] = {}
        self._finished: list[Point] = []
        self.refused = 0  # values of series over SERIES_MAX

    def add(self, series: str, at_ms: int, value: float | None) -> None:
        """One value now; None and NaN leave a gap."""
        if value is None or isnan(value):
            return
        rings = self._rings(series)
        if rings is None:
            self.refused += 1
            return
        for ring in rings:
            finished = ring.add(at_ms, value)
            if finished is not None and ring.step_ms > 1_000:
                self._finished.append(finished._replace(series=series))

    def _rings(self, series: str) -> tuple[Ring, ...] | None:
        rings = self._series.get(series)
        if rings is None:
            if len(self._series) >= SERIES_MAX:
                return None
            worst = series.startswith(KEEP_WORST)
            steps = STEPS_MS if len(self._series) < LONG_MAX else STEPS_MS[:-1]
            rings = tuple(Ring(step, slots, worst, self._hold_ms) for step, slots in steps)
            self._series[series] = rings
        return rings

    def forget_all_but(self, alive: Iterable[str]) -> None:
        """Drop series of topics and groups that are gone."""
        kept = set(alive)
        for series in [name for name in self._series if ":" in name and name not in kept]:
            del self._series[series]

    def restore(self, points: Iterable[Point]) -> None:
        """Fill rings with what a store kept; points in order of time within a series."""
        for point in points:
            rings = self._rings(point.series)
            for ring in rings or ():
                if ring.step_ms == point.step_ms:
                    ring.add(point.at_ms, point.value)

    def take_finished(self) -> list[Point]:
        """Points of the 10 s and 1 min rings that are complete and were not taken yet."""
        finished, self._finished = self._finished, []
        return finished

    def spark(self, series: str, range_ms: int, now_ms: int) -> list[float]:
        """The last `range_ms` as a small line."""
        return self.range(series, range_ms, now_ms).spark()

    def range(self, series: str, range_ms: int, now_ms: int) -> Columns:
        """The last `range_ms` at the finest step whose ring spans them."""
        rings = self._series.get(series)
        if rings is None:
            return Columns(STEPS_MS[0][0], [], [])
        found = [
            Columns(ring.step_ms, *ring.since(now_ms - range_ms, now_ms))
            for ring in rings[_finest(range_ms, len(rings))]
        ]
        return _best(found)

    def mean(self, series: str, from_ms: int, until_ms: int) -> float | None:
        """Over a time, of the coarsest ring: it reaches back furthest. None: nothing was seen."""
        rings = self._series.get(series)
        return mean(rings[-1].since(from_ms, until_ms)[1]) if rings is not None else None

    def total(self, series: Iterable[str], range_ms: int, now_ms: int) -> Columns:
        """The sum of several over the last `range_ms`, of those that were seen at the time.

        Costs about 0.05 microseconds for each series and slot.
        """
        known = [rings for name in series if (rings := self._series.get(name)) is not None]
        if not known:
            return Columns(STEPS_MS[0][0], [], [])
        found = []
        for step in range(len(STEPS_MS))[_finest(range_ms, min(map(len, known)))]:
            step_ms = STEPS_MS[step][0]
            first, until = -(-(now_ms - range_ms) // step_ms), now_ms // step_ms + 1
            sums = _sums(rings[step].window(first, until) for rings in known)
            times = [slot * step_ms for slot in range(first, until)]
            found.append(Columns(step_ms, times, [None if isnan(v) else v for v in sums]))
        return _best(found)


def mean(values: Iterable[float | None]) -> float | None:
    """Of those that are known; None where none is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _sums(windows: Iterable[Sequence[float]]) -> Sequence[float]:
    """Slot by slot, of those that have a value there; NaN where none has."""
    sums, *others = windows
    for window in others:
        pairs = zip(sums, window, strict=True)
        sums = [b if isnan(a) else a if isnan(b) else a + b for a, b in pairs]
    return sums


def _finest(range_ms: int, rings: int) -> slice:
    """Of the first `rings` of STEPS_MS: the two finest that span the range, or the longest."""
    spans = [step_ms * slots for step_ms, slots in STEPS_MS[:rings]]
    first = next((at for at, span in enumerate(spans) if range_ms <= span), rings - 1)
    return slice(first, min(first + 2, rings))


def _best(found: list[Columns]) -> Columns:
    """After a restart the finest ring is young: the next one, which was stored, shows more."""
    return min(found, key=lambda columns: (columns.first_seen_ms // 60_000, columns.step_ms))
