"""A real broker that stops in the middle (SIGSTOP): its connections stay, no answer ever comes."""

import asyncio
import os
import signal
import time
from pathlib import Path

import confluent_kafka
import pytest

from dashboard.cluster.poller import Poller
from tests.support.running_broker import broker_process
from tests.support.watching import watching
from tracker.config import KafkaConfig
from tracker.kafka.topics import ensure_topics
from tracker.topics import Topic

pytestmark = pytest.mark.may_block

SEEN_S = 10.0  # told are 3; a machine that runs other tests is slower


def fill(kafka: KafkaConfig) -> None:
    ensure_topics(kafka, [Topic("events", partitions=2)])
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": kafka.bootstrap_servers, "group.id": "readers"}
    )
    place = confluent_kafka.TopicPartition("events", 0, 0)
    consumer.commit(offsets=[place], asynchronous=False)
    consumer.close()


async def until(poller: Poller, up: bool) -> float:
    """Seconds until the connection is `up`, or not."""
    began, version = time.monotonic(), -1
    while poller.connection.up is not up:
        version = await poller.wait_for(version, 1.0)
    return time.monotonic() - began


async def test_it_is_told_soon_and_heals_by_itself(tmp_path: Path) -> None:
    with broker_process(tmp_path / "broker") as broker:
        kafka = KafkaConfig(bootstrap_servers=f"{broker.host}:{broker.port}")
        await asyncio.to_thread(fill, kafka)
        async with watching({"local": kafka}, tmp_path / "dashboard") as watch:
            poller = await watch.seen("local")
            os.kill(broker.pid, signal.SIGSTOP)
            try:
                async with asyncio.timeout(SEEN_S):
                    away_s = await until(poller, up=False)
                page = await watch.page("/groups")
                version = poller.version
                while poller.version < version + 3:  # it does not come back by itself
                    await poller.wait_for(poller.version, 1.0)
                    assert not poller.connection.up
            finally:
                os.kill(broker.pid, signal.SIGCONT)
            async with asyncio.timeout(SEEN_S * 2):
                back_s = await until(poller, up=True)
            seen = poller.snapshot.sequence if poller.snapshot is not None else 0
            while poller.snapshot is None or poller.snapshot.sequence <= seen:
                await poller.wait_for(poller.version, 1.0)

    print(f"away seen after {away_s:.1f} s, back after {back_s:.1f} s")
    assert "data-old" in page
    assert "readers" in poller.snapshot.groups
