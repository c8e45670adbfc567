"""Every metric of the tracker's roles, a class a role; nobody else imports prometheus_client.

Names and buckets are those of docs/monitoring. Labels are bounded: reasons are a closed enum.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

# Else every counter brings a second series, its creation time.
disable_created_metrics()  # type: ignore[no-untyped-call]

REQUEST_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
E2E_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
FLUSH_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
E2E_SAMPLES_MAX = (
    200  # of a flush or request: enough for a distribution, and no cost with large batches
)


FAILURES: Final = (
    *("broker", "commit", "dead_letter", "rewound", "damaged"),
    *("locked", "disk_full", "io_error", "read_only", "cannot_open"),
)
"""What a sink's attempts fail with."""
WAITS: Final = (
    *("silent", "dead_letter"),
    *("locked", "disk_full", "io_error", "read_only", "cannot_open"),
)
"""What a sink may have said when nothing is written to it; silent: it has not answered."""


def _event_latency(registry: CollectorRegistry, stage: str) -> Histogram:
    """One stage of the family that tells how old events are; each role knows its own."""
    family = Histogram(
        "footfall_event_e2e_latency_seconds",
        "From the event's arrival at ingest until it is in the log, counted or exported for the"
        " first time; a sample.",
        ["stage"],
        buckets=E2E_BUCKETS_S,
        registry=registry,
    )
    return family.labels(stage)


class IngestMetrics:
    """What the beacon endpoint tells about itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._beacons = Counter(
            "footfall_beacons",
            "Events by what became of them: accepted means acknowledged by the broker.",
            ("outcome", "reason"),
            registry=registry,
        )
        self._durations = Histogram(
            "footfall_beacon_request_duration_seconds",
            "From the request's first byte to its answer.",
            ("outcome",),
            buckets=REQUEST_BUCKETS_S,
            registry=registry,
        )
        self.queue_depth = Gauge(
            "footfall_beacon_queue_depth",
            "Events that wait for the broker's acknowledgement.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.queue_capacity = Gauge(
            "footfall_beacon_queue_capacity",
            "Events that may wait; one more is answered 503.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.ready = Gauge(
            "footfall_beacon_ready",
            "1: an event posted now would be stored; of several workers, what the worst says.",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self.props_dropped = Counter(
            "footfall_beacon_props_dropped",
            "Properties left out because they are arrays or objects.",
            registry=registry,
        )
        self.dead_letters = Counter(
            "footfall_dead_letters",
            "Refused bodies by whether they were kept in the dead-letter topic.",
            ("outcome",),
            registry=registry,
        )
        self._latency = _event_latency(registry, "log")
        self._accepted_seconds = self._durations.labels("accepted")
        self._rejected_seconds = self._durations.labels("rejected")
        self._by_reason: dict[tuple[str, str], Counter] = {}

    def count(self, outcome: str, reason: str, events: int = 1) -> None:
        """`outcome` is accepted or rejected."""
        try:
            counter = self._by_reason[outcome, reason]
        except KeyError:
            counter = self._by_reason[outcome, reason] = self._beacons.labels(outcome, reason)
        counter.inc(events)

    def answered(self, *, accepted: bool, seconds: float) -> None:
        (self._accepted_seconds if accepted else self._rejected_seconds).observe(seconds)

    def stored(self, events: int, seconds: float) -> None:
        """Events of one request are in the log, so long after it came."""
        for _ in range(min(events, E2E_SAMPLES_MAX)):
            self._latency.observe(seconds)

    def watch(self, depth: Callable[[], float], capacity: int, ready: Callable[[], bool]) -> None:
        """In one process the depth of the queue, and readiness, are asked for at each scrape."""
        self.queue_depth.set_function(depth)
        self.queue_capacity.set(capacity)
        self.ready.set_function(ready)


class SinkMetrics:
    """Families of one sink; `stage` is "consumer" for the rollups, "export" for a warehouse."""

    def __init__(self, registry: CollectorRegistry, sink: str, stage: str) -> None:
        self.rows = Counter(
            "footfall_export_rows_total",
            "Events made durable in the sink, with those it recognised as repeats.",
            ["sink"],
            registry=registry,
        ).labels(sink)
        self._failures = Counter(
            "footfall_export_failures_total",
            "Attempts that the sink or the broker refused; each is tried again.",
            ["sink", "reason"],
            registry=registry,
        )
        for reason in FAILURES:  # there before the first: a rate needs what it rose from
            self._failures.labels(sink, reason)
        self.dead_letters = Counter(
            "footfall_export_dead_letters_total",
            "Records that are no event; they went to the dead-letter topic.",
            ["sink"],
            registry=registry,
        ).labels(sink)
        self.amounts_dropped = Counter(
            "footfall_export_amounts_dropped_total",
            "Amounts of events that are no number, or in no currency; the events were kept.",
            ["sink"],
            registry=registry,
        ).labels(sink)
        self.last_success = Gauge(
            "footfall_export_last_success_timestamp_seconds",
            "When events were last made durable in the sink.",
            ["sink"],
            registry=registry,
        ).labels(sink)
        self.lag = Gauge(
            "footfall_export_lag_seconds",
            "Age of the oldest event of the flush that waits, or ended last; 0: caught up.",
            ["sink"],
            registry=registry,
        ).labels(sink)
        waiting = Gauge(
            "footfall_export_waiting_since_timestamp_seconds",
            "Since when a write waits for the sink, by what it said; 0: none does.",
            ["sink", "reason"],
            registry=registry,
        )
        self._waiting = {reason: waiting.labels(sink, reason) for reason in WAITS}
        self.damaged = Gauge(
            "footfall_export_sink_damaged",
            "1: the file of the sink is damaged, nothing is stored until it is replaced.",
            ["sink"],
            registry=registry,
        ).labels(sink)
        self.batch_duration = Histogram(
            "footfall_export_batch_duration_seconds",
            "Time of one flush, one transaction.",
            ["sink"],
            buckets=FLUSH_BUCKETS_S,
            registry=registry,
        ).labels(sink)
        self._latency = _event_latency(registry, stage)
        self._sink = sink

    def failed(self, reason: str) -> None:
        self._failures.labels(self._sink, reason).inc()

    def waits(self, since_ms: int, reason: str) -> None:
        """A write has waited for the sink since then; `reason` is one of WAITS."""
        for word, gauge in self._waiting.items():
            gauge.set(since_ms / 1000 if word == reason else 0)

    def waits_no_more(self) -> None:
        """Nothing waits for the sink any more."""
        self.waits(0, "")

    def arrived(self, received_at_ms: list[int], now_ms: int) -> None:
        """Events received then are in the sink now."""
        stride = len(received_at_ms) // E2E_SAMPLES_MAX + 1
        for received_at in received_at_ms[::stride]:
            self._latency.observe(max(now_ms - received_at, 0) / 1000)


READ_S: Final = 10.0


class MetricsServer(Protocol):
    """What `serve` gives back."""

    server_port: int

    def shutdown(self) -> None: ...

    def server_close(self) -> None: ...


def serve(
    registry: CollectorRegistry, host: str, port: int, read_s: float = READ_S
) -> MetricsServer:
    """GET /metrics on its own thread; raises OSError when the port is taken.

    A connection on which nothing comes for `read_s` is closed.
    """
    server, _thread = start_http_server(port, addr=host, registry=registry)
    handler: Any = server.RequestHandlerClass
    server.RequestHandlerClass = type("PatientHandler", (handler,), {"timeout": read_s})
    return server


def registry_of_workers(directory: Path) -> CollectorRegistry:
    """The sum over worker processes that were started with PROMETHEUS_MULTIPROC_DIR=directory."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(directory))  # type: ignore[no-untyped-call]
    return registry


def forget_worker(process_id: int, directory: Path) -> None:
    """A worker died: its gauges no longer count, its counters stay."""
    mark_process_dead(process_id, path=str(directory))  # type: ignore[no-untyped-call]
