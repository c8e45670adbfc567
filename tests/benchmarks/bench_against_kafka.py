"""Footfall's broker and Apache Kafka side by side: same machine, same clients, same minutes.

Two pairs of equal durability: neither syncs ("os" against Kafka's defaults), or both do before
they acknowledge ("sync" against an fsync per message). Both are warmed up; then all rows are
measured in short rounds, as race.py says.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median

from tests.benchmarks.latency import late_wakings_ms, latencies_ms, percentile, synced_writes_ms
from tests.benchmarks.peers import Peer, apache_kafka, footfall_broker
from tests.benchmarks.perf_tools import Load, fetch_rate, produce_rate
from tests.benchmarks.plan import Plan
from tests.benchmarks.race import Figures, Race, Run
from tests.benchmarks.rebalances import CONSUMERS, rebalance_seconds
from tests.benchmarks.small_producers import SECONDS, requests_per_second
from tests.benchmarks.table import Row

TITLE = "Against Apache Kafka, side by side"
STARTS = 3
LATENCY_RATE = 1000
LATENCY_SECONDS = 4.0
WARM_UP_RUNS = 2
CONNECTIONS = (1, 8, 64)
LATENCY = f"produce to consume at {LATENCY_RATE:,} records/s"
SHARES = (50.0, 99.0, 99.9)
DISK = f"beside both brokers, the disk alone: a write and its fdatasync, {LATENCY_RATE:,} a second"
WAKING = f"beside both brokers, a thread that sleeps: woken too late by, {LATENCY_RATE:,} a second"
SMALL = "one record a request, acks=all"
WIDE_PARTITIONS = 12
WIDE = f"one record to each of {WIDE_PARTITIONS} partitions a request, acks=all, 1 connections"
MEMORY = "resident memory"


@dataclass(slots=True)
class Machine:
    """What the machine itself did between the rounds, in ms, by row."""

    figures: dict[str, list[float]] = field(default_factory=dict)

    def note(self) -> None:
        """What no broker that syncs each record, or has to be woken for it, can be faster than:
        in the same minutes and beside the same processes, which use the processors, too."""
        with tempfile.TemporaryDirectory() as place:
            os.sync()
            synced = synced_writes_ms(Path(place) / "log", LATENCY_RATE, LATENCY_SECONDS)
        late = late_wakings_ms(LATENCY_RATE, LATENCY_SECONDS)
        for name, samples in ((DISK, synced), (WAKING, late)):
            for share in SHARES:
                found = self.figures.setdefault(f"{name}, p{share:g}", [])
                found.append(percentile(samples, share))

    def rows(self) -> Iterator[Row]:
        for row, values in self.figures.items():
            yield Row(row, median(values), "ms")


LOADS = [
    Load(*each) for each in product((100, 1000, 10_000), (1, 12), ("1", "all"), ("none", "lz4"))
]
SYNCED_LOADS = [
    Load(size, count, "all", "none", most=20_000)
    for size, count in product((100, 1000, 10_000), (1, 12))
]
FETCHED_LOADS = [load for load in LOADS if load.acks == "1" and load.compression == "none"]


def rows(plan: Plan) -> list[Row]:
    """All rows; as many rounds as fit into the minutes of `plan`, and never none."""
    found: list[Row] = list(_starts()) if plan.wants("start to first answer") else []
    found += _race(plan.part(0.7), [*_runs(LOADS), *_fetches(), ("group rebalance", _rebalance)])
    return found + _race(plan.part(0.3), _runs(SYNCED_LOADS), synced=True)


def _runs(loads: list[Load]) -> Iterator[Run]:
    for load in loads:
        yield f"produce {load.name}", partial(_produce, load)
    yield LATENCY, _latency
    for connections in CONNECTIONS:
        name = f"{SMALL}, {connections} connections"
        yield name, partial(_small, name, connections, 1)
    yield WIDE, partial(_small, WIDE, 1, WIDE_PARTITIONS)


def _fetches() -> Iterator[Run]:
    for load in FETCHED_LOADS:
        yield f"fetch {load.name}", partial(_fetch, load)


def _race(plan: Plan, runs: list[Run] | Iterator[Run], *, synced: bool = False) -> list[Row]:
    """What is wanted of `runs`, in as many rounds as there is time for."""
    durability = "sync" if synced else "os"
    wanted = [run for run in runs if plan.wants(f"{run[0]} (Footfall, {durability})")]
    memory = not synced and plan.wants(MEMORY)
    notes_machine = synced and (plan.wants(DISK) or plan.wants(WAKING))
    if not (wanted or memory or notes_machine):
        return []
    with _pair(synced=synced) as (ours, theirs):
        race, machine = Race(ours, theirs), Machine()
        idle = [_memory(race, "idle")] if memory else []
        _warm_up(race)
        race.run_all(wanted, plan, machine.note if notes_machine else lambda: None)
        found = [*idle, *race.rows(), *machine.rows()]
        return [*found, *([_memory(race, "after the load")] if memory else [])]


@contextmanager
def _pair(*, synced: bool) -> Iterator[tuple[Peer, Peer]]:
    with ExitStack() as stack:
        ours = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        theirs = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield (
            stack.enter_context(footfall_broker(ours, "sync" if synced else "os")),
            stack.enter_context(apache_kafka(theirs, flush_each=synced)),
        )


def _starts() -> Iterator[Row]:
    """Each start alone: two at once would share the cores."""
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory() as place, footfall_broker(Path(place), "os") as peer:
            seconds["ours"].append(peer.start_seconds)
        with tempfile.TemporaryDirectory() as place, apache_kafka(Path(place), False) as peer:
            seconds["theirs"].append(peer.start_seconds)
    ours, theirs = (median(one) for one in seconds.values())
    yield Row("start to first answer", ours, "s", ours / theirs, "Apache Kafka")


def _memory(race: Race, when: str) -> Row:
    ours, theirs = race.ours.resident_mb(), race.theirs.resident_mb()
    return Row(f"{MEMORY}, {when}", ours, "MB", ours / theirs, race.theirs.name)


def _warm_up(race: Race) -> None:
    """A JVM compiles what runs often: before that it would be measured at half its speed."""
    for peer in (race.ours, race.theirs):
        for number in range(WARM_UP_RUNS):
            load = Load(100, 1, "all", "none", most=100_000)
            peer.create_topic(f"warm-{number}", 1)
            produce_rate(peer, f"warm-{number}", load)
            requests_per_second(peer.bootstrap, f"warm-{number}", 8)


def _produce(load: Load, peer: Peer, number: int) -> Figures:
    peer.create_topic(load.topic(number), load.partitions)
    return {f"produce {load.name}": (produce_rate(peer, load.topic(number), load), "records/s")}


def _fetch(load: Load, peer: Peer, number: int) -> Figures:
    """From the page cache: what `_produce` wrote in this round."""
    topic = load.topic(number)
    if topic not in peer.topics():  # only fetches are wanted
        peer.create_topic(topic, load.partitions)
        produce_rate(peer, topic, load)
    return {f"fetch {load.name}": (fetch_rate(peer, topic, load), "MB/s")}


def _rebalance(peer: Peer, number: int) -> Figures:
    first, joined = rebalance_seconds(peer)
    return {
        f"group rebalance, {CONSUMERS} members: from subscribe to assigned": (first, "s"),
        f"group rebalance, {CONSUMERS} members: one more joins": (joined, "s"),
    }


def _latency(peer: Peer, number: int) -> Figures:
    topic = f"latency-{number}"
    peer.create_topic(topic, 1)
    os.sync()  # what other rows have written is on disk before, whoever wrote it
    samples = latencies_ms(peer.bootstrap, topic, rate=LATENCY_RATE, seconds=LATENCY_SECONDS)
    return {f"{LATENCY}, p{share:g}": (percentile(samples, share), "ms") for share in SHARES}


def _small(name: str, connections: int, partitions: int, peer: Peer, number: int) -> Figures:
    """Small requests, the next one after the answer."""
    topic = f"small-{connections}-{partitions}-{number}"
    peer.create_topic(topic, partitions)
    before = peer.processor_seconds()
    rate = requests_per_second(peer.bootstrap, topic, connections, partitions)
    spent = (peer.processor_seconds() - before) / (rate * SECONDS)
    return {
        name: (rate, "requests/s"),
        f"{name}: processor time": (spent * 1e6, "us/request"),
    }
