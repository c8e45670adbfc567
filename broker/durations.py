"""How long something takes, counted in plain numbers: what broker.metrics makes families of."""

from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from enum import Enum
from itertools import chain

DURATION_BUCKETS_S = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
SYNC_BUCKETS_S = (0.0001, *DURATION_BUCKETS_S)
QUANTILES = (0.5, 0.75, 0.95, 0.98, 0.99, 0.999)  # those of Kafka's own JMX histograms
SAMPLES = 1024  # last requests of each type, of which quantiles are told
COUNTED_TOGETHER = (
    256  # requests: some 50 us of the event loop, a third of counting them one by one
)


class Durations:
    """Count, sum and histogram of one kind of duration, in seconds."""

    __slots__ = ("bounds_s", "buckets", "count", "total_s")

    def __init__(self, bounds_s: Sequence[float] = DURATION_BUCKETS_S) -> None:
        self.bounds_s = bounds_s
        self.count = 0
        self.total_s = 0.0
        self.buckets = [0] * (len(bounds_s) + 1)

    def observe(self, seconds: float) -> None:
        self.count += 1
        self.total_s += seconds
        self.buckets[bisect_left(self.bounds_s, seconds)] += 1

    def observe_all(self, durations_s: Sequence[float]) -> None:
        """As `observe` of each."""
        ranked = sorted(durations_s)
        self.count += len(ranked)
        self.total_s += sum(ranked)
        counted = 0
        for place, bound in enumerate(self.bounds_s):
            if counted == len(ranked):
                return
            upto = bisect_right(ranked, bound, counted)
            self.buckets[place] += upto - counted
            counted = upto
        self.buckets[-1] += len(ranked) - counted

    def plus(self, others: "Durations") -> "Durations":
        """Both together; of the same bounds."""
        both = Durations(self.bounds_s)
        both.count = self.count + others.count
        both.total_s = self.total_s + others.total_s
        both.buckets = [a + b for a, b in zip(self.buckets, others.buckets, strict=True)]
        return both

    def cumulative(self) -> list[tuple[str, float]]:
        """Buckets as Prometheus wants them: each counts all durations up to its bound."""
        total = 0
        buckets: list[tuple[str, float]] = []
        bounds = [*map(str, self.bounds_s), "+Inf"]
        for bound, count in zip(bounds, self.buckets, strict=True):
            total += count
            buckets.append((bound, total))
        return buckets


class Part(Enum):
    """A part of a request's time, by the places of the moments between which it lies.

    The moments, on one monotonic clock: its frame is complete; its handler starts; the handler
    has to wait for the first time (for a sync, other records, other members; where it did not, the
    answer is ready); the answer is ready; its turn to be sent has come; the socket has all of it.
    Named as Kafka's RequestMetrics are.
    """

    TOTAL = 0, 5
    REQUEST_QUEUE = 0, 1
    LOCAL = 1, 2
    REMOTE = 2, 3
    RESPONSE_QUEUE = 3, 4
    RESPONSE_SEND = 4, 5


Moments = tuple[float, float, float, float, float, float]
MOMENTS = 6
LISTS_MAX = SAMPLES // COUNTED_TOGETHER + 1  # the last of them may be short


class RequestMetrics:
    """What is told about one type of request, named as Kafka names it (Produce, Fetch ...)."""

    __slots__ = ("_counted", "_last", "_quantiles", "_ranked", "_total", "_uncounted")

    def __init__(self) -> None:
        self._total = Durations()
        self._uncounted: list[Moments] = []
        # One after another in arrays, a fifth of the memory that tuples of numbers take.
        self._counted: deque[array[float]] = deque(maxlen=LISTS_MAX)
        self._last = array("d")  # of SAMPLES, those before the ones in `_counted`
        self._quantiles: dict[Part, list[tuple[float, float]]] = {}
        self._ranked = 0  # requests that were counted when those were found

    def observe(self, moments_s: Moments) -> None:
        """The moments of one request, as `Part` tells them; counted later, many together."""
        uncounted = self._uncounted
        uncounted.append(moments_s)
        if len(uncounted) == COUNTED_TOGETHER:
            self._count()

    @property
    def total(self) -> Durations:
        """Of all requests since the broker started."""
        self._count()
        for moments in self._counted:
            self._last += moments
        self._counted.clear()
        del self._last[: -SAMPLES * MOMENTS]
        return self._total

    def quantiles(self, part: Part) -> list[tuple[float, float]]:
        """Each of QUANTILES with its duration in seconds, over the last SAMPLES requests."""
        if self.total.count != self._ranked:
            self._ranked = self._total.count
            self._quantiles.clear()
        found = self._quantiles.get(part)
        if found is None:
            begin, end = part.value
            moments = zip(self._last[begin::MOMENTS], self._last[end::MOMENTS], strict=True)
            ranked = sorted(b - a for a, b in moments)
            last = len(ranked) - 1
            found = [(q, ranked[round(q * last)]) for q in QUANTILES] if ranked else []
            self._quantiles[part] = found
        return found

    def rank(self) -> None:
        """Find all quantiles, which takes half a millisecond where there are new requests."""
        for part in Part:
            self.quantiles(part)

    def joined(self, others: "RequestMetrics") -> "RequestMetrics":
        """Both as one type of request; itself where there are no others."""
        if not others.total.count:
            return self
        both = RequestMetrics()
        both._total = self.total.plus(others.total)
        both._last = self._last + others._last
        return both

    def _count(self) -> None:
        uncounted, self._uncounted = self._uncounted, []
        if uncounted:
            begin, end = Part.TOTAL.value
            self._total.observe_all([moments[end] - moments[begin] for moments in uncounted])
            self._counted.append(array("d", list(chain.from_iterable(uncounted))))
