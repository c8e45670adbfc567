"""How long something takes, counted in plain numbers: what broker.metrics makes histograms of."""

from bisect import bisect_left

DURATION_BUCKETS_S = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
QUANTILES = (0.5, 0.75, 0.95, 0.98, 0.99, 0.999)  # those of Kafka's own JMX histograms
SAMPLES = 1024  # last durations of each kind, of which quantiles are told


class Durations:
    """Count, sum, histogram and the last samples of one kind of duration, in seconds."""

    __slots__ = ("_next", "_samples", "buckets", "count", "total_s")

    def __init__(self) -> None:
        self.count = 0
        self.total_s = 0.0
        self.buckets = [0] * (len(DURATION_BUCKETS_S) + 1)
        self._samples: list[float] = []
        self._next = 0

    def observe_zeros(self, times: int) -> None:
        """As so many calls of `observe(0.0)`."""
        self.count += times
        self.buckets[0] += times
        kept = min(times, SAMPLES)
        room = min(kept, SAMPLES - len(self._samples))
        self._samples += [0.0] * room
        for _ in range(kept - room):
            self._samples[self._next] = 0.0
            self._next = (self._next + 1) % SAMPLES

    def observe(self, seconds: float) -> None:
        self.count += 1
        self.total_s += seconds
        self.buckets[bisect_left(DURATION_BUCKETS_S, seconds)] += 1
        if len(self._samples) < SAMPLES:
            self._samples.append(seconds)
        else:
            self._samples[self._next] = seconds
            self._next = (self._next + 1) % SAMPLES

    def quantiles(self) -> list[tuple[float, float]]:
        """Each of QUANTILES with its duration in seconds, over the last samples."""
        ranked = sorted(self._samples)
        last = len(ranked) - 1
        return [(q, ranked[round(q * last)]) for q in QUANTILES] if ranked else []

    def cumulative(self) -> list[tuple[str, float]]:
        """Buckets as Prometheus wants them: each counts all durations up to its bound."""
        total = 0
        buckets: list[tuple[str, float]] = []
        bounds = [*map(str, DURATION_BUCKETS_S), "+Inf"]
        for bound, count in zip(bounds, self.buckets, strict=True):
            total += count
            buckets.append((bound, total))
        return buckets


class RequestMetrics:
    """What is told about one type of request, named as Kafka names it (Produce, Fetch ...)."""

    __slots__ = ("_at_once", "_local", "_queue", "_total")

    def __init__(self) -> None:
        self._total = Durations()
        self._queue = Durations()
        self._local = Durations()
        self._at_once = 0  # answered in the very millisecond: counted later, together

    def observe(self, arrived_s: float, started_s: float, handled_s: float, sent_s: float) -> None:
        """Moments of one request on one monotonic clock: frame complete, handler started, answer
        ready, answer handed to the socket."""
        if sent_s == arrived_s:
            self._at_once += 1
            return
        self._queue.observe(started_s - arrived_s)
        self._local.observe(handled_s - started_s)
        self._total.observe(sent_s - arrived_s)

    @property
    def total(self) -> Durations:
        self._count()
        return self._total

    @property
    def queue(self) -> Durations:
        self._count()
        return self._queue

    @property
    def local(self) -> Durations:
        self._count()
        return self._local

    def _count(self) -> None:
        times, self._at_once = self._at_once, 0
        if times:
            for durations in (self._total, self._queue, self._local):
                durations.observe_zeros(times)
