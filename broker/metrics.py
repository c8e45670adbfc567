"""Every metric of the broker's sockets and requests, declared here and nowhere else.

Handlers and connections call plain methods that add to plain numbers (a request costs well under a
microsecond here); Prometheus families are built from those numbers when somebody asks. All of it
belongs to the thread of the event loop.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

DURATION_BUCKETS_S = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
QUANTILES = (0.5, 0.75, 0.95, 0.98, 0.99, 0.999)  # those of Kafka's own JMX histograms
_SAMPLES = 1024  # last durations per request type, of which quantiles are told


class Durations:
    """Count, sum, histogram and the last samples of one kind of duration, in seconds."""

    __slots__ = ("_next", "_samples", "buckets", "count", "total_s")

    def __init__(self) -> None:
        self.count = 0
        self.total_s = 0.0
        self.buckets = [0] * (len(DURATION_BUCKETS_S) + 1)
        self._samples: list[float] = []
        self._next = 0

    def observe(self, seconds: float) -> None:
        self.count += 1
        self.total_s += seconds
        self.buckets[bisect_left(DURATION_BUCKETS_S, seconds)] += 1
        if len(self._samples) < _SAMPLES:
            self._samples.append(seconds)
        else:
            self._samples[self._next] = seconds
            self._next = (self._next + 1) % _SAMPLES

    def quantiles(self) -> list[tuple[float, float]]:
        """Each of QUANTILES with its duration in seconds, over the last samples."""
        ranked = sorted(self._samples)
        last = len(ranked) - 1
        return [(q, ranked[round(q * last)]) for q in QUANTILES] if ranked else []


class RequestMetrics:
    """What is told about one type of request, named as Kafka names it (Produce, Fetch ...)."""

    __slots__ = ("local", "queue", "total")

    def __init__(self) -> None:
        self.total = Durations()
        self.queue = Durations()
        self.local = Durations()

    def observe(self, arrived_s: float, started_s: float, handled_s: float, sent_s: float) -> None:
        """Moments of one request on one monotonic clock: frame complete, handler started, answer
        ready, answer handed to the socket."""
        self.queue.observe(started_s - arrived_s)
        self.local.observe(handled_s - started_s)
        self.total.observe(sent_s - arrived_s)


class BrokerMetrics:
    """The counters of the server; a custom collector, so what is gone leaves no ghost series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.connections: dict[str, int] = {}
        """Open connections by listener."""
        self.connections_refused = {"max_connections": 0, "max_connections_per_ip": 0}
        self.connections_idle_closed = 0
        self.connection_failures = 0
        """Connections closed by a bug of ours: each has a traceback in the log."""
        self.protocol_errors = 0
        """Connections closed for bytes that are not Kafka's protocol, or not in a known version."""
        self._requests: dict[str, RequestMetrics] = {}
        self._idle = _LoopIdle()
        registry.register(self)

    def request(self, name: str) -> RequestMetrics:
        """The numbers of one type of request; keep it, do not ask again per request."""
        return self._requests.setdefault(name, RequestMetrics())

    def exposition(self) -> bytes:
        """All families of the registry in Prometheus text format."""
        return generate_latest(self.registry)

    def describe(self) -> list[Metric]:
        """Nothing at registration: the families depend on what has happened."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Called by the registry for each scrape."""
        yield from self._request_families()
        yield from self._connection_families()
        idle = self._idle.ratio()
        for name in (
            "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent",
            "kafka_network_socketserver_networkprocessoravgidle_percent",
        ):
            yield GaugeMetricFamily(name, "Share of time the event loop was idle, 0 to 1", idle)

    def _request_families(self) -> Iterator[Metric]:
        used = {name: one for name, one in sorted(self._requests.items()) if one.total.count}
        requests = CounterMetricFamily(
            "kafka_network_requestmetrics_requests", "Requests answered", labels=["request"]
        )
        durations = HistogramMetricFamily(
            "footfall_kafka_request_duration_seconds",
            "From the last byte of a request to its answer being handed to the socket",
            labels=["api"],
        )
        for name, one in used.items():
            requests.add_metric([name], one.total.count)
            durations.add_metric([name], _cumulative(one.total), one.total.total_s)
        yield requests
        yield durations
        for family, text, kind in (
            ("totaltimems", "From the last byte of a request to its answer", "total"),
            ("requestqueuetimems", "Waiting for earlier requests of the connection", "queue"),
            ("localtimems", "In the handler, its waits included", "local"),
        ):
            yield from _quantile_families(
                family, text, {name: getattr(one, kind) for name, one in used.items()}
            )

    def _connection_families(self) -> Iterator[Metric]:
        count = GaugeMetricFamily(
            "kafka_server_socket_server_metrics_connection_count",
            "Connections that are open",
            labels=["listener", "networkProcessor"],
        )
        for listener, connections in sorted(self.connections.items()):
            count.add_metric([listener, "0"], connections)
        yield count
        refused = CounterMetricFamily(
            "footfall_kafka_connections_refused", "Connections beyond a limit", labels=["reason"]
        )
        for reason, connections in self.connections_refused.items():
            refused.add_metric([reason], connections)
        yield refused
        yield CounterMetricFamily(
            "footfall_kafka_connections_idle_closed",
            "Connections closed after connections_max_idle_ms without a whole request",
            self.connections_idle_closed,
        )
        yield CounterMetricFamily(
            "footfall_kafka_connection_failures",
            "Connections closed by an error of the broker itself",
            self.connection_failures,
        )
        yield CounterMetricFamily(
            "footfall_kafka_protocol_errors",
            "Connections closed for frames that are not Kafka's protocol",
            self.protocol_errors,
        )


def _quantile_families(family: str, text: str, by_name: dict[str, Durations]) -> Iterator[Metric]:
    """The gauge with quantiles in milliseconds and the counter beside it, as JMX exporters do."""
    gauge = GaugeMetricFamily(
        f"kafka_network_requestmetrics_{family}",
        f"{text}, milliseconds, over the last {_SAMPLES} requests",
        labels=["request", "quantile"],
    )
    count = GaugeMetricFamily(
        f"kafka_network_requestmetrics_{family}_count", "Requests measured", labels=["request"]
    )
    for name, durations in by_name.items():
        count.add_metric([name], durations.count)
        for quantile, seconds in durations.quantiles():
            gauge.add_metric([name, f"{quantile:.3f}".rstrip("0").ljust(4, "0")], seconds * 1000)
    yield gauge
    yield count


def _cumulative(durations: Durations) -> list[tuple[str, float]]:
    """Buckets as Prometheus wants them: each counts all durations up to its bound."""
    total = 0
    buckets: list[tuple[str, float]] = []
    bounds = [*map(str, DURATION_BUCKETS_S), "+Inf"]
    for bound, count in zip(bounds, durations.buckets, strict=True):
        total += count
        buckets.append((bound, total))
    return buckets


class _LoopIdle:
    """How idle the calling thread was since it was last asked, from its processor time."""

    def __init__(self) -> None:
        self._wall_s, self._busy_s = time.monotonic(), time.thread_time()

    def ratio(self) -> float:
        wall_s, busy_s = time.monotonic(), time.thread_time()
        passed = wall_s - self._wall_s
        busy = (busy_s - self._busy_s) / passed if passed > 0 else 0.0
        self._wall_s, self._busy_s = wall_s, busy_s
        return min(1.0, max(0.0, 1.0 - busy))
