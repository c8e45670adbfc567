"""Every sink under the real worker, over a topic in memory; and what its tables say."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry

from tests.support.made_events import MIDNIGHT_MS
from tests.support.manual_clock import ManualClock
from tests.support.memory_topic import MemoryConsumer, MemoryTopic
from tracker.events import Event, encode
from tracker.export.sqlite import SqliteExporter
from tracker.kafka.producer import NotStored
from tracker.metrics import WAITS, SinkMetrics
from tracker.sinks.dead_letters import Poison
from tracker.sinks.exporter import Exporter
from tracker.sinks.worker import Pace, Surroundings, Worker
from tracker.stream.rollup_sink import RollupSink

BUSY_TIMEOUT_MS = 50

NAMED = {
    "hits": "class, (SELECT text FROM names WHERE id = page_id),"
    " (SELECT text FROM names WHERE id = source_id), visitor_id, hex(event_key), occurred_at_ms",
    "hourly": "kind, hour, (SELECT text FROM names WHERE id = value_id), hits, visitors",
    "daily": "kind, day, (SELECT text FROM names WHERE id = value_id), hits, visitors",
    "presence": "kind, day, (SELECT text FROM names WHERE id = value_id), visitor_id, hours",
    "sessions": "visitor_id, started_at_ms, last_at_ms, page_views, interactions,"
    " hex(entry_key), (SELECT text FROM names WHERE id = entry_page_id)",
    "session_hours": "hour, sessions, bounces, page_views, duration_ms",
    "live": "visitor_id, last_at_ms",
    "metric_names": "(SELECT text FROM names WHERE id = metric_id)",
    "metric_hours": "(SELECT text FROM names WHERE id = metric_id), hour, bucket, rating, measured",
    "metric_days": "(SELECT text FROM names WHERE id = metric_id), day,"
    " (SELECT text FROM names WHERE id = page_id), bucket, rating, measured",
    "bot_hours": "hour, (SELECT text FROM names WHERE id = reason_id), page_views, events",
}
"""Tables by what they say, without the ids that depend on the order of arrival."""


def rollup_tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(path) as db:
        site = "(SELECT text FROM names WHERE id = site_id)"
        told = {
            table: sorted(db.execute(f"SELECT {site}, {columns} FROM {table}"), key=repr)
            for table, columns in NAMED.items()
        }
        # a sum that went up and down again may leave a row of zeros
        told["session_hours"] = [row for row in told["session_hours"] if any(row[2:])]
    db.close()
    return told


def warehouse_tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(path) as db:
        rows = sorted(db.execute("SELECT * FROM events"), key=repr)
    db.close()
    return {"events": rows}


@dataclass(frozen=True)
class Kind:
    """A sink under test."""

    make: Callable[[Path], Exporter]
    tables: Callable[[Path], dict[str, list[tuple[object, ...]]]]
    count: str  # SELECT of the number of events it has

    def events_in(self, path: Path) -> int:
        db = sqlite3.connect(path)
        (count,) = db.execute(self.count).fetchone()
        db.close()
        return int(count)


KINDS = {
    "rollups": Kind(
        lambda path: RollupSink(path, ManualClock(MIDNIGHT_MS), busy_timeout_ms=BUSY_TIMEOUT_MS),
        rollup_tables,
        "SELECT count(*) FROM hits",
    ),
    "sqlite": Kind(
        lambda path: SqliteExporter(path, busy_timeout_ms=BUSY_TIMEOUT_MS),
        warehouse_tables,
        "SELECT count(*) FROM events",
    ),
}


class Bin:
    """Where poison goes."""

    def __init__(self) -> None:
        self.poison: list[Poison] = []
        self.is_shut = False

    def send(self, poison: Sequence[Poison], now_ms: int) -> None:
        if self.is_shut:
            raise NotStored("no broker")
        self.poison += poison


@dataclass
class Instance:
    """One process of a role."""

    sink: Exporter
    consumer: MemoryConsumer
    worker: Worker
    bin: Bin
    registry: CollectorRegistry
    clock: ManualClock
    slept_s: list[float] = field(default_factory=list)

    @classmethod
    def started(
        cls, kind: Kind, path: Path, topic: MemoryTopic, clock: ManualClock | None = None
    ) -> "Instance":
        sink, consumer, rubbish = kind.make(path), MemoryConsumer(topic), Bin()
        sink.open()
        registry, slept_s = CollectorRegistry(), list[float]()
        metrics = SinkMetrics(registry, "test", "test")
        clock = clock or ManualClock()
        around = Surroundings(metrics, clock, slept_s.append)
        worker = Worker(consumer, sink, rubbish, around)
        worker.run(Pace(1, 1), lambda: True)  # subscribes, and works no turn
        return cls(sink, consumer, worker, rubbish, registry, clock, slept_s)

    def turn(self, size: int = 100, times: int = 1) -> None:
        for _ in range(times):
            self.worker.step(Pace(size, 1))

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, {"sink": "test", **labels}) or 0.0

    @property
    def waits(self) -> dict[str, float]:
        """Since when the worker waits for its sink, by what it said."""
        name = "footfall_export_waiting_since_timestamp_seconds"
        found = {reason: self.metric(name, reason=reason) for reason in WAITS}
        return {reason: since_s for reason, since_s in found.items() if since_s}


def topic_of(found: list[Event], extra: bytes | None = None) -> MemoryTopic:
    topic = MemoryTopic("events", 2)
    for event in found:
        topic.append(hash_of(event), encode(event))
    if extra is not None:
        topic.append(0, extra)
    return topic


def hash_of(event: Event) -> int:
    return sum(event.visitor_id.encode()) % 2


def finish(kind: Kind, path: Path, topic: MemoryTopic) -> None:
    """A new process reads whatever is left."""
    last = Instance.started(kind, path, topic)
    for _ in range(4):
        last.worker.step(Pace(1000, 1))
    last.sink.close()
