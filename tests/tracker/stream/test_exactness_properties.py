"""Whatever happens between the log and the sink, the tables end as after one clean pass.

Both sinks run through the real worker over a topic in memory. The steps that Hypothesis picks are
what production brings: portions of any size, a process that dies before its transaction, or
between the transaction and the commit to Kafka, a commit that Kafka refuses, partitions that move
between two instances, an old instance that wakes up with records another one has handled.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from tests.support.made_events import MIDNIGHT_MS, events
from tests.support.manual_clock import ManualClock
from tests.support.memory_topic import MemoryConsumer, MemoryTopic
from tracker.events import Event, encode
from tracker.export.exporter import Exporter
from tracker.export.sqlite import SqliteExporter
from tracker.metrics import SinkMetrics
from tracker.stream.dead_letters import Poison
from tracker.stream.rollup_sink import RollupSink
from tracker.stream.worker import Pace, Surroundings, Worker

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


KINDS = {
    "rollups": Kind(lambda path: RollupSink(path, ManualClock(MIDNIGHT_MS)), rollup_tables),
    "sqlite": Kind(SqliteExporter, warehouse_tables),
}


class Bin:
    """Where poison goes."""

    def __init__(self) -> None:
        self.poison: list[Poison] = []

    def send(self, poison: Sequence[Poison], now_ms: int) -> None:
        self.poison += poison


@dataclass
class Instance:
    """One process of a role."""

    sink: Exporter
    consumer: MemoryConsumer
    worker: Worker
    bin: Bin = field(default_factory=Bin)

    @classmethod
    def started(cls, kind: Kind, path: Path, topic: MemoryTopic) -> "Instance":
        sink, consumer, rubbish = kind.make(path), MemoryConsumer(topic), Bin()
        sink.open()
        metrics = SinkMetrics(CollectorRegistry(), "test", "test")
        around = Surroundings(metrics, ManualClock(), lambda _seconds: None)
        worker = Worker(consumer, sink, rubbish, around)
        worker.run(Pace(1, 1), lambda: True)  # subscribes, and works no turn
        return cls(sink, consumer, worker, rubbish)


class Died(Exception):
    """The process ended here."""


def killed(instance: Instance, before: str, pace: Pace) -> None:
    """One turn that ends by kill -9 before the sink's transaction, or the commit to Kafka."""

    def die(*_: object) -> None:
        raise Died

    setattr(instance.sink if before == "flush" else instance.consumer, before, die)
    with suppress(Died):
        instance.worker.step(pace)
    instance.sink.close()


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


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["turn", "turn", "turn", "die before flush", "die before commit", "commits fail",
             "commits work", "rebalance", "other turns"]
        ),
        st.integers(1, 7),
    ),
    max_size=12,
)  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
@settings(deadline=None, max_examples=60)
@given(found=events(25), repeats=st.lists(st.integers(0, 24), max_size=6), plan=steps)
def test_crashes_and_rebalances_leave_the_tables_of_one_clean_pass(
    name: str, found: list[Event], repeats: list[int], plan: list[tuple[str, int]]
) -> None:
    kind = KINDS[name]
    sent = found + [found[index] for index in repeats if index < len(found)]
    with TemporaryDirectory() as directory:
        clean, stormy = Path(directory) / "clean.db", Path(directory) / "stormy.db"
        finish(kind, clean, topic_of(sent))
        topic = topic_of(sent)
        instances = [Instance.started(kind, stormy, topic) for _ in range(2)]
        instances[1].consumer.rebalance([])

        for step, size in plan:
            if step == "turn":
                instances[0].worker.step(Pace(size, 1))
            elif step == "other turns":
                instances[1].worker.step(Pace(size, 1))
            elif step.startswith("die"):
                killed(instances[0], step.removeprefix("die before "), Pace(size, 1))
                instances[0] = Instance.started(kind, stormy, topic)
            elif step == "rebalance":
                shared = topic.partitions[: size % 3]
                instances[0].consumer.rebalance(shared)
                instances[1].consumer.rebalance(
                    [one for one in topic.partitions if one not in shared or size > 5]
                )
            else:
                topic.commits_fail = step == "commits fail"
        for instance in instances:
            instance.sink.close()
        topic.commits_fail = False
        finish(kind, stormy, topic)

        assert kind.tables(stormy) == kind.tables(clean)


@pytest.mark.parametrize("name", KINDS)
@settings(deadline=None, max_examples=40)
@given(data=st.data(), found=events(25))
def test_the_order_of_events_changes_no_table(
    name: str, data: st.DataObject, found: list[Event]
) -> None:
    if name == "sqlite":  # its rows tell where in the log they stood
        found = found[:1]
    kind = KINDS[name]
    shuffled = data.draw(st.permutations(found))
    with TemporaryDirectory() as directory:
        first, second = Path(directory) / "first.db", Path(directory) / "second.db"

        finish(kind, first, topic_of(found))
        finish(kind, second, topic_of(shuffled))

        assert kind.tables(first) == kind.tables(second)
