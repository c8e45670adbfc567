"""kill -9 of the aggregator, the exporter and the broker under load, again and again.

Every event that the broker acknowledged is in the warehouse once and counted once in the rollups;
so is every event that a sender repeated because it did not hear the answer.
"""

import asyncio
import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self
from uuid import UUID

import pytest

from tests.support.kafka_address import new_site
from tests.support.role_process import RoleProcess
from tests.support.running_broker import BrokerProcess, broker_process
from tests.support.thrown_dice import thrown_dice
from tracker import rollups
from tracker.config import KafkaConfig
from tracker.events import Event, encode
from tracker.kafka.producer import NewRecord, NotStored, Producer
from tracker.kafka.topics import ensure_topics
from tracker.reports.overview import overview
from tracker.topics import DEADLETTER, EVENTS

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

KILLS = 6 if os.environ.get("HYPOTHESIS_PROFILE") == "exhaustive" else 3
BATCH = 100
CATCH_UP_SECONDS = 120
HOUR_MS = 3_600_000


@contextmanager
def a_broker(directory: Path) -> Iterator[tuple[str, BrokerProcess | None]]:
    """Its address, and the process if it is ours; FOOTFALL_TEST_BOOTSTRAP names another one."""
    if given := os.environ.get("FOOTFALL_TEST_BOOTSTRAP"):
        yield given, None
        return
    with broker_process(directory) as broker:
        yield broker.bootstrap, broker


@contextmanager
def roles(directory: Path, bootstrap: str) -> Iterator[dict[str, RoleProcess]]:
    """The two roles, running; ended with the block."""
    config = directory / "footfall.toml"
    config.write_text(
        f'[kafka]\nbootstrap_servers = "{bootstrap}"\n'
        "[stream]\nmetrics_port = 0\nbatch_events_max = 400\n"
        "[export]\nmetrics_port = 0\nbatch_events_max = 400\n"
    )
    started = {name: RoleProcess(name, config, directory) for name in ("aggregate", "export")}
    try:
        for role in started.values():
            role.start()
        yield started
    finally:
        for role in started.values():
            role.kill()


class Load:
    """Sends on a thread of its own until the block ends; remembers what was acknowledged."""

    def __init__(self, bootstrap: str, site: str, seed: int) -> None:
        self._kafka = KafkaConfig(bootstrap_servers=bootstrap)
        self._site = site
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.acknowledged: dict[str, Event] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        producer = Producer(self._kafka, client_id="test-load", acknowledge_timeout_ms=2_000)
        sent: list[Event] = []
        while not self._stop.is_set():
            batch = [self._event() for _ in range(BATCH)]
            repeats = self._random.sample(sent, min(len(sent), BATCH // 20))
            await self._send_until_stored(producer, [*batch, *repeats])
            sent = (sent + batch)[-2000:]
            self.acknowledged.update((event.event_id, event) for event in batch)
            await asyncio.sleep(0.1)
        await producer.close()

    async def _send_until_stored(self, producer: Producer, batch: list[Event]) -> None:
        """As a beacon does: again with the same ids until it is told that they are stored."""
        records = [NewRecord(encode(event), event.key()) for event in batch]
        while True:
            try:
                await producer.send(EVENTS, records)
                return
            except NotStored:
                await asyncio.sleep(0.2)

    def _event(self) -> Event:
        now_ms = time.time_ns() // 1_000_000
        return Event(
            event_id=str(UUID(int=self._random.getrandbits(128))),
            event_name=self._random.choice(("pageview", "pageview", "Signup")),
            site_id=self._site,
            received_at=now_ms,
            occurred_at=now_ms - self._random.randrange(HOUR_MS),
            visitor_id=f"{self._random.randrange(500):016x}",
            pathname=f"/{self._random.randrange(20)}",
            source="Direct",
        )


def exported(data_dir: Path, site: str) -> list[str]:
    with closing(sqlite3.connect(data_dir / "warehouse.db")) as db:
        rows = db.execute("SELECT event_id FROM events WHERE site_id = ?", (site,))
        return [event_id for (event_id,) in rows]


def counted(data_dir: Path, site: str) -> int:
    with closing(rollups.open_for_reading(data_dir / "rollups.db")) as db:
        whole = overview(db, site, 0, 2**48)
        return whole.page_views + whole.events


def wait_until_caught_up(data_dir: Path, site: str, events: int) -> None:
    """Returns when both sinks have so many events, or have not after a long while."""
    deadline = time.monotonic() + CATCH_UP_SECONDS
    while time.monotonic() < deadline:
        if len(exported(data_dir, site)) >= events and counted(data_dir, site) >= events:
            break
        time.sleep(0.25)
    time.sleep(1.0)  # what would come twice comes now


def test_every_acknowledged_event_counts_once_whatever_is_killed(tmp_path: Path) -> None:
    with thrown_dice(tmp_path) as seed:
        count_under_kills(tmp_path, seed)


def count_under_kills(tmp_path: Path, seed: int) -> None:
    order, site = random.Random(seed), new_site()
    with a_broker(tmp_path / "broker") as (bootstrap, broker):
        ensure_topics(KafkaConfig(bootstrap_servers=bootstrap), [EVENTS, DEADLETTER])
        with roles(tmp_path, bootstrap) as running:
            victims: list[RoleProcess | BrokerProcess] = [*running.values()]
            victims += [broker] if broker else []
            with Load(bootstrap, site, seed) as load:
                for kill in range(KILLS):
                    time.sleep(order.uniform(0.2, 1.5))
                    victim = victims[(seed + kill) % len(victims)]
                    victim.kill()
                    victim.start()
                time.sleep(1.0)
            wait_until_caught_up(tmp_path, site, len(load.acknowledged))
            codes = {name: role.stop() for name, role in running.items()}

    assert sorted(exported(tmp_path, site)) == sorted(load.acknowledged)
    views = [one for one in load.acknowledged.values() if one.event_name == "pageview"]
    with closing(rollups.open_for_reading(tmp_path / "rollups.db")) as db:
        whole = overview(db, site, 0, 2**48)
    assert (whole.page_views, whole.events) == (len(views), len(load.acknowledged) - len(views))
    days = {(one.occurred_at // rollups.DAY_MS, one.visitor_id) for one in views}
    assert whole.visitors == len(days)
    assert codes == {"aggregate": 0, "export": 0}
