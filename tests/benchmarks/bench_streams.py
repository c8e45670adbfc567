"""Streams and export: events a second that one role turns into its tables, without the network.

The ratio compares with the least that could be done: the same events decoded and appended to a
plain SQLite table of two columns, in transactions of the same size.
"""

import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from tests.benchmarks.plan import Plan
from tests.benchmarks.table import Row
from tracker.clock import SystemClock
from tracker.events import Event, decode, encode
from tracker.export.sqlite import SqliteExporter
from tracker.sinks.exporter import Arrived, Exporter
from tracker.stream.rollup_sink import RollupSink
from tracker.topics import TopicPartition

TITLE = "Streams and export (one process, batches of 5,000 events, 4 events a visitor)"
EVENTS = 50_000
BATCH = 5_000
WHERE = TopicPartition("events", 0)


def _values() -> list[bytes]:
    """A busy hour of one site: a few popular pages, many visitors."""
    chance = random.Random(2026)
    start_ms = time.time_ns() // 1_000_000
    return [
        encode(
            Event(
                event_id=str(UUID(int=chance.getrandbits(128))),
                event_name="pageview" if chance.random() < 0.8 else "Signup",
                site_id="example.com",
                received_at=start_ms + number // 14,
                occurred_at=start_ms + number // 14,
                visitor_id=f"{chance.randrange(EVENTS // 4):016x}",
                hostname="example.com",
                pathname=f"/{int(chance.paretovariate(1)) % 500}",
                source=chance.choice(("Direct", "Google", None)),
                country=chance.choice(("DE", "FR", "US")),
                browser="Firefox",
                browser_version="140",
                os="Linux",
                device_type="desktop",
                language="en",
                screen="1440x900",
                props={"plan": "pro"},
            )
        )
        for number in range(EVENTS)
    ]


def _rate(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return EVENTS / (time.perf_counter() - started)


def _plain(path: Path, values: list[bytes]) -> Callable[[], None]:
    def work() -> None:
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("CREATE TABLE events (occurred_at INTEGER, value BLOB)")
        for begin in range(0, EVENTS, BATCH):
            db.execute("BEGIN")
            db.executemany(
                "INSERT INTO events VALUES (?, ?)",
                [(decode(value).occurred_at, value) for value in values[begin : begin + BATCH]],
            )
            db.execute("COMMIT")
        db.close()

    return work


def _sink(sink: Exporter, values: list[bytes]) -> Callable[[], None]:
    def work() -> None:
        sink.open()
        sink.positions([WHERE])
        for begin in range(0, EVENTS, BATCH):
            batch = enumerate(values[begin : begin + BATCH], begin)
            sink.write([Arrived(WHERE, offset, decode(value)) for offset, value in batch], {})
            sink.flush()
        sink.close()

    return work


def rows(plan: Plan) -> list[Row]:
    values = _values()
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        plain = _rate(_plain(home / "plain.db", values))
        rollups = _rate(_sink(RollupSink(home / "rollups.db", SystemClock()), values))
        warehouse = _rate(_sink(SqliteExporter(home / "warehouse.db"), values))
    against = "plain SQLite table"
    return [
        Row("plain SQLite table, decoded", plain, "events/s"),
        Row("aggregate -> rollups.db", rollups, "events/s", rollups / plain, against),
        Row("export -> warehouse.db", warehouse, "events/s", warehouse / plain, against),
    ]
