"""Footfall's broker and Apache Kafka side by side: same machine, same clients, same minutes.

Two pairs of equal durability: neither syncs ("os" against Kafka's defaults), or both do before
they acknowledge ("sync" against an fsync per message). Runs alternate, so that what the machine
does beside them hits both; the figure of each is the best of its runs.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from tests.benchmarks.latency import latencies_ms, percentile
from tests.benchmarks.peers import Peer, apache_kafka, footfall_broker
from tests.benchmarks.small_producers import SECONDS, requests_per_second
from tests.benchmarks.table import Row
from tests.support.tools import java_kafka

TITLE = "Against Apache Kafka, side by side"
ROUNDS = 2
BYTES_A_RUN = 100_000_000
RECORDS_A_RUN_MAX = 500_000
SYNCED_RECORDS_A_RUN = 50_000
RATE_LINE = re.compile(r"records sent, ([\d.]+) records/sec \(([\d.]+) MB/sec\)")


@dataclass(frozen=True, slots=True)
class Load:
    """What a producer sends."""

    record_bytes: int
    partitions: int
    acks: str
    compression: str

    @property
    def name(self) -> str:
        size = (
            f"{self.record_bytes} B"
            if self.record_bytes < 1000
            else f"{self.record_bytes // 1000} KB"
        )
        return f"{size}, {self.partitions} partitions, acks={self.acks}, {self.compression}"

    def topic(self, round_number: int) -> str:
        """The topic of one run; no two runs share one."""
        kind = f"{self.record_bytes}-{self.partitions}-{self.acks}-{self.compression}"
        return f"load-{kind}-{round_number}"


LOADS = [
    Load(*each) for each in product((100, 1000, 10_000), (1, 12), ("1", "all"), ("none", "lz4"))
]
SYNCED_LOADS = [
    Load(size, count, "all", "none") for size, count in product((100, 1000, 10_000), (1, 12))
]


def rows() -> list[Row]:
    """All rows; takes about ten minutes."""
    with _pair(synced=False) as (ours, theirs):
        found = [*_starts(ours, theirs), *_throughput(ours, theirs, LOADS)]
        found += _fetches(ours, theirs)
        found += _latency(ours, theirs)
        found += _small(ours, theirs)
        found += _memory(ours, theirs, "after the load")
    with _pair(synced=True) as (ours, theirs):
        found += _throughput(ours, theirs, SYNCED_LOADS)
        found += _latency(ours, theirs)
        found += _small(ours, theirs)
    return found


@contextmanager
def _pair(*, synced: bool) -> Iterator[tuple[Peer, Peer]]:
    with ExitStack() as stack:
        ours = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        theirs = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield (
            stack.enter_context(footfall_broker(ours, "sync" if synced else "os")),
            stack.enter_context(apache_kafka(theirs, flush_each=synced)),
        )


def _starts(ours: Peer, theirs: Peer) -> Iterator[Row]:
    ratio = ours.start_seconds / theirs.start_seconds
    yield Row("start to first answer", ours.start_seconds, "s", ratio, theirs.name)
    yield from _memory(ours, theirs, "idle")


def _memory(ours: Peer, theirs: Peer, when: str) -> Iterator[Row]:
    ratio = ours.resident_mb() / theirs.resident_mb()
    yield Row(f"resident memory, {when}", ours.resident_mb(), "MB", ratio, theirs.name)


def _throughput(ours: Peer, theirs: Peer, loads: list[Load]) -> Iterator[Row]:
    synced = loads is SYNCED_LOADS
    for load in loads:
        count = min(RECORDS_A_RUN_MAX, BYTES_A_RUN // load.record_bytes)
        count = min(count, SYNCED_RECORDS_A_RUN) if synced else count
        best = {ours: 0.0, theirs: 0.0}
        for round_number, peer in product(range(ROUNDS), (ours, theirs)):
            topic = load.topic(round_number)
            peer.create_topic(topic, load.partitions)
            best[peer] = max(best[peer], _produce(peer, topic, load, count))
        ratio = best[ours] / best[theirs]
        yield Row(f"produce {load.name} ({ours.name})", best[ours], "records/s", ratio, theirs.name)


def _produce(peer: Peer, topic: str, load: Load, count: int) -> float:
    """Records per second that Kafka's own producer-perf-test reports."""
    command = [
        *java_kafka(),
        "org.apache.kafka.tools.ProducerPerformance",
        *("--topic", topic, "--num-records", str(count), "--throughput", "-1"),
        *("--record-size", str(load.record_bytes), "--producer-props"),
        f"bootstrap.servers={peer.bootstrap}",
        f"acks={load.acks}",
        f"compression.type={load.compression}",
    ]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(RATE_LINE.findall(output)[-1][0])


def _fetches(ours: Peer, theirs: Peer) -> Iterator[Row]:
    """From the page cache: what `_throughput` has just written."""
    for load in (
        Load(100, 1, "1", "none"),
        Load(1000, 12, "1", "none"),
        Load(10_000, 1, "1", "none"),
    ):
        topic = load.topic(0)
        count = min(RECORDS_A_RUN_MAX, BYTES_A_RUN // load.record_bytes)
        best = {ours: 0.0, theirs: 0.0}
        for _, peer in product(range(ROUNDS), (ours, theirs)):
            best[peer] = max(best[peer], _fetch(peer, topic, count))
        ratio = best[ours] / best[theirs]
        yield Row(f"fetch {load.name} ({ours.name})", best[ours], "MB/s", ratio, theirs.name)


def _fetch(peer: Peer, topic: str, count: int) -> float:
    """MB per second while fetching, as Kafka's own consumer-perf-test reports it."""
    command = [
        *java_kafka(),
        "org.apache.kafka.tools.ConsumerPerformance",
        *("--bootstrap-server", peer.bootstrap, "--topic", topic),
        *("--messages", str(count), "--timeout", "20000"),
    ]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    header, values = [line.split(", ") for line in output.strip().splitlines()[-2:]]
    figures = dict(zip((name.strip() for name in header), values, strict=False))
    return float(figures["fetch.MB.sec"])


def _latency(ours: Peer, theirs: Peer) -> Iterator[Row]:
    samples = {}
    for peer in (ours, theirs):
        peer.create_topic("latency", 1)
        samples[peer] = latencies_ms(peer.bootstrap, "latency", rate=1000, seconds=10)
    for share in (50.0, 99.0, 99.9):
        value, other = (percentile(samples[peer], share) for peer in (ours, theirs))
        name = f"produce to consume at 1,000 records/s, p{share:g} ({ours.name})"
        yield Row(name, value, "ms", value / other, theirs.name)


def _small(ours: Peer, theirs: Peer) -> Iterator[Row]:
    """One record a request, the next one after its answer."""
    for connections in (1, 8, 64):
        best = {ours: 0.0, theirs: 0.0}
        least = {ours: float("inf"), theirs: float("inf")}
        for round_number, peer in product(range(ROUNDS), (ours, theirs)):
            topic = f"small-{connections}-{round_number}"
            peer.create_topic(topic, 1)
            before = peer.processor_seconds()
            rate = requests_per_second(peer.bootstrap, topic, connections)
            spent = (peer.processor_seconds() - before) / (rate * SECONDS)
            best[peer] = max(best[peer], rate)
            least[peer] = min(least[peer], spent)
        name = f"one record a request, acks=all, {connections} connections ({ours.name})"
        yield Row(name, best[ours], "requests/s", best[ours] / best[theirs], theirs.name)
        ratio = least[ours] / least[theirs]
        yield Row(f"{name}: processor time", least[ours] * 1e6, "us/request", ratio, theirs.name)
