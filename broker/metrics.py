"""Every metric of the broker, declared here; those of how long requests take in families.py.

Handlers and connections call plain methods that add to plain numbers (a request costs well under a
microsecond here); Prometheus families are built from those numbers when somebody asks. All of it
belongs to the thread of the event loop.
"""

import time
from collections.abc import Callable, Container, Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from broker.durations import SYNC_BUCKETS_S, Durations, RequestMetrics
from broker.exposition import pieces
from broker.families import request_families

FETCHERS = ("Consumer", "Follower")
TOPIC_FAMILIES = (
    ("messagesin", "Records appended", "messages_in"),
    ("bytesin", "Bytes of record batches appended", "bytes_in"),
    ("bytesout", "Bytes of record batches handed to fetch answers", "bytes_out"),
    ("bytesrejected", "Bytes of record batches refused", "bytes_rejected"),
    ("totalproducerequests", "Partitions in produce requests", "produce_requests"),
    ("failedproducerequests", "Those of them that were refused", "failed_produce_requests"),
    ("totalfetchrequests", "Partitions in fetch requests", "fetch_requests"),
    ("failedfetchrequests", "Those of them that were refused", "failed_fetch_requests"),
    ("producemessageconversions", "Records converted to another format: none any more", ""),
    ("fetchmessageconversions", "Records converted to another format: none any more", ""),
)
AUTHENTICATION_FAMILIES = (
    ("successful_authentication", "Clients that logged in", "successful"),
    ("failed_authentication", "Log-ins and TLS handshakes that failed", "failed"),
    ("successful_reauthentication", "Sessions that were renewed", "successful_again"),
    ("failed_reauthentication", "Sessions that were not renewed", "failed_again"),
    (
        "expired_connections_killed",
        "Connections used after their session",
        "expired_connections_killed",
    ),
)
DISK_TRAFFIC = (
    ("read_bytes", "Bytes that the broker had fetched from disks, as Linux counts them"),
    ("write_bytes", "Bytes that the broker had sent to disks, as Linux counts them"),
)
ALWAYS_ZERO_FAMILIES = (
    ("kafka_server_replicamanager_isrshrinks", "In-sync replicas lost: this is the only one"),
    ("kafka_server_replicamanager_isrexpands", "In-sync replicas gained: this is the only one"),
    (
        "kafka_controller_controllerstats_uncleanleaderelections",
        "Leaders that were not in sync: this is the only replica",
    ),
)


class TopicCounters:
    """What happened to one topic since the broker started."""

    __slots__ = (
        "bytes_in",
        "bytes_out",
        "bytes_rejected",
        "failed_fetch_requests",
        "failed_produce_requests",
        "fetch_requests",
        "messages_in",
        "produce_requests",
    )

    def __init__(self) -> None:
        self.messages_in = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.bytes_rejected = 0
        self.produce_requests = 0
        self.failed_produce_requests = 0
        self.fetch_requests = 0
        self.failed_fetch_requests = 0


class LogMetrics:
    """Topics and disks: counters per topic (never their sum as well), and how long syncs take."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._topics: dict[str, TopicCounters] = {}
        self.sync_durations = Durations(SYNC_BUCKETS_S)
        """Observed in the disk threads."""
        self.disk_bytes: Callable[[], Mapping[str, tuple[int, int]]] = dict
        """Free and total bytes of the file system of each log directory."""
        self.disk_waits_s: Callable[[], Mapping[str, float]] = dict
        """For how long each log directory's disk has not done what it was asked for."""
        registry.register(self)

    def topic(self, name: str) -> TopicCounters:
        counters = self._topics.get(name)
        if counters is None:
            counters = self._topics[name] = TopicCounters()
        return counters

    def keep_only(self, topics: Container[str]) -> None:
        """Deleted topics leave no series behind."""
        for gone in [name for name in self._topics if name not in topics]:
            del self._topics[gone]

    def describe(self) -> list[Metric]:
        """Nothing at registration: the families depend on what has happened."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Called by the registry for each scrape."""
        for family, text, attribute in TOPIC_FAMILIES:
            counter = CounterMetricFamily(
                f"kafka_server_brokertopicmetrics_{family}", text, labels=["topic"]
            )
            for name, counters in sorted(self._topics.items()):
                counter.add_metric([name], getattr(counters, attribute) if attribute else 0)
            yield counter
        for family, text in ALWAYS_ZERO_FAMILIES:
            yield CounterMetricFamily(family, text, 0)
        syncs = HistogramMetricFamily(
            "footfall_log_fsync_duration_seconds", "One group commit's fdatasync calls", labels=[]
        )
        syncs.add_metric([], self.sync_durations.cumulative(), self.sync_durations.total_s)
        yield syncs
        free, total = (
            GaugeMetricFamily(name, text, labels=["path"])
            for name, text in (
                ("footfall_disk_free_bytes", "Bytes that can still be written"),
                ("footfall_disk_total_bytes", "Size of the file system"),
            )
        )
        for path, (free_bytes, total_bytes) in self.disk_bytes().items():
            free.add_metric([path], free_bytes)
            total.add_metric([path], total_bytes)
        yield free
        yield total
        waits = GaugeMetricFamily(
            "footfall_disk_waiting_seconds",
            "How long the write or sync has taken that the disk is at; 0 when it is at none",
            labels=["path"],
        )
        for path, waits_s in self.disk_waits_s().items():
            waits.add_metric([path], waits_s)
        yield waits
        for name, text in DISK_TRAFFIC:
            if (size_bytes := _of_this_process(name)) is not None:
                family = f"kafka_server_kafkaserver_linux_disk_{name}"
                yield GaugeMetricFamily(family, text, size_bytes)


class GroupMetrics:
    """Groups by kind and state, their rebalances, and what happens to committed offsets."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rebalances = {"classic": 0, "consumer": 0, "share": 0, "streams": 0}
        """By kind: generations of classic groups, epochs of the others."""
        self.offsets_committed = 0
        self.offsets_deleted = 0
        self.group_counts: Callable[[], Mapping[tuple[str, str], int]] = dict
        """Groups by (kind, state)."""
        registry.register(self)

    def describe(self) -> list[Metric]:
        """Nothing at registration: the families depend on what has happened."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Called by the registry for each scrape."""
        count = GaugeMetricFamily(
            "kafka_server_group_coordinator_metrics_group_count",
            "Groups on this broker",
            labels=["protocol", "state"],
        )
        for (kind, state), groups in sorted(self.group_counts().items()):
            count.add_metric([kind, state], groups)
        yield count
        rebalances = CounterMetricFamily(
            "kafka_server_group_coordinator_metrics_rebalance_count",
            "Rebalances: new generations of classic groups, new epochs of others",
            labels=["protocol"],
        )
        for kind, times in self.rebalances.items():
            rebalances.add_metric([kind], times)
        yield rebalances
        yield CounterMetricFamily(
            "kafka_server_group_coordinator_metrics_offset_commit_count",
            "Offsets committed",
            self.offsets_committed,
        )
        yield CounterMetricFamily(
            "kafka_server_group_coordinator_metrics_offset_deletion_count",
            "Committed offsets that were deleted, or expired",
            self.offsets_deleted,
        )


class AuthenticationCounters:
    """How log-ins and TLS handshakes of one listener ended."""

    __slots__ = (
        "expired_connections_killed",
        "failed",
        "failed_again",
        "successful",
        "successful_again",
    )

    def __init__(self) -> None:
        self.successful = 0
        self.failed = 0
        self.successful_again = 0
        self.failed_again = 0
        self.expired_connections_killed = 0


class BrokerMetrics:
    """The counters of the server; a custom collector, so what is gone leaves no ghost series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.connections: dict[str, int] = {}
        """Open connections by listener."""
        self.accept_blocked_s: dict[str, Callable[[], float]] = {}
        """By listener: how long clients waited because of max_connections, seconds."""
        self.connections_refused = {
            "max_connections": 0,
            "max_connections_per_ip": 0,
            "connection_creation_rate": 0,
        }
        self.connections_idle_closed = 0
        self.connection_failures = 0
        """Connections closed by a bug of ours: each has a traceback in the log."""
        self.protocol_errors = 0
        """Connections closed for bytes that are not Kafka's protocol, or not in a known version."""
        self.throttled: Callable[[], Mapping[str, tuple[int, float]]] = dict
        """By kind of quota: how often clients were told to be quiet, and seconds of it in all."""
        self.certificates_valid_until_s: dict[str, Callable[[], float]] = {}
        """By listener with TLS: the end of its certificate, seconds since 1970."""
        self.token_key_failures: dict[str, Callable[[], int]] = {}
        """By listener that fetches keys of tokens: how often in a row it got none."""
        self._authentications: dict[str, AuthenticationCounters] = {}
        self._requests: dict[str, RequestMetrics] = {}
        self._of_followers: dict[str, tuple[RequestMetrics, RequestMetrics]] = {}
        self._idle = _LoopIdle()
        self.logs = LogMetrics(registry)
        self.groups = GroupMetrics(registry)
        registry.register(self)

    def request(self, name: str) -> RequestMetrics:
        """The numbers of one type of request; keep it, do not ask again per request."""
        return self._requests.setdefault(name, RequestMetrics())

    def request_of_followers(self, name: str) -> tuple[RequestMetrics, RequestMetrics]:
        """The numbers of a type of request that consumers and followers send, apart as in Kafka:
        FetchConsumer and FetchFollower; Fetch is both."""
        consumers, followers = (self.request(f"{name}{who}") for who in FETCHERS)
        self._of_followers[name] = consumers, followers
        return consumers, followers

    def authentications(self, listener: str) -> AuthenticationCounters:
        """The numbers of one listener whose clients show who they are; keep them."""
        return self._authentications.setdefault(listener, AuthenticationCounters())

    def exposition(self) -> bytes:
        """All families of the registry in Prometheus text format."""
        return b"".join(self.exposition_pieces())

    def exposition_pieces(self) -> Iterator[bytes]:
        """`exposition` bit by bit: all of it at once holds up appends for 7 ms and more."""
        for one in list(self._requests.values()):
            one.rank()
            yield b""
        yield from pieces(self.registry)

    def describe(self) -> list[Metric]:
        """Nothing at registration: the families depend on what has happened."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Called by the registry for each scrape."""
        parts = {f"{name}{who}" for name in self._of_followers for who in FETCHERS}
        yield from request_families(self._used_requests(), parts)
        yield from self._connection_families()
        yield from self._authentication_families()
        yield from self._throttle_families()
        idle = self._idle.ratio()
        for name in (
            "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent",
            "kafka_network_socketserver_networkprocessoravgidle_percent",
        ):
            yield GaugeMetricFamily(name, "Share of time the event loop was idle, 0 to 1", idle)

    def _used_requests(self) -> dict[str, RequestMetrics]:
        """By name, those that came; what followers send too under three names."""
        all_types = self._requests | {
            name: consumers.joined(followers)
            for name, (consumers, followers) in self._of_followers.items()
        }
        return {name: one for name, one in sorted(all_types.items()) if one.total.count}

    def _connection_families(self) -> Iterator[Metric]:
        count = GaugeMetricFamily(
            "kafka_server_socket_server_metrics_connection_count",
            "Connections that are open",
            labels=["listener", "networkProcessor"],
        )
        for listener, connections in sorted(self.connections.items()):
            count.add_metric([listener, "0"], connections)
        yield count
        blocked = CounterMetricFamily(
            "footfall_kafka_accept_blocked_seconds",
            "Time in which clients waited because max_connections was reached",
            labels=["listener"],
        )
        for listener, seconds in sorted(self.accept_blocked_s.items()):
            blocked.add_metric([listener], seconds())
        yield blocked
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

    def _authentication_families(self) -> Iterator[Metric]:
        for family, text, attribute in AUTHENTICATION_FAMILIES:
            counter = CounterMetricFamily(
                f"kafka_server_socket_server_metrics_{family}", text, labels=["listener"]
            )
            for listener, counters in sorted(self._authentications.items()):
                counter.add_metric([listener], getattr(counters, attribute))
            yield counter
        ends = GaugeMetricFamily(
            "footfall_kafka_certificate_valid_until_timestamp_seconds",
            "When the certificate of a listener ends",
            labels=["listener"],
        )
        for listener, end_s in sorted(self.certificates_valid_until_s.items()):
            ends.add_metric([listener], end_s())
        yield ends
        stale = GaugeMetricFamily(
            "footfall_kafka_token_keys_failed_refreshes",
            "Refreshes in a row that brought no keys of tokens; those of before are used on",
            labels=["listener"],
        )
        for listener, failures in sorted(self.token_key_failures.items()):
            stale.add_metric([listener], failures())
        yield stale

    def _throttle_families(self) -> Iterator[Metric]:
        times = CounterMetricFamily(
            "footfall_kafka_throttles",
            "Answers that told a client to be quiet, or turned it away",
            labels=["quota"],
        )
        seconds = CounterMetricFamily(
            "footfall_kafka_throttle_seconds",
            "Time for which clients were told to be quiet",
            labels=["quota"],
        )
        for quota, (count, quiet_s) in self.throttled().items():
            times.add_metric([quota], count)
            seconds.add_metric([quota], quiet_s)
        yield times
        yield seconds


def _of_this_process(name: str) -> int | None:
    """A line of /proc/self/io, as Kafka reads it; None where the kernel does not tell."""
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return None
    found = dict(line.split(": ") for line in lines)
    return int(found[name]) if name in found else None


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
