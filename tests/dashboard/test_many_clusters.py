"""Several clusters at once: each by its name on every page and metric, none in another's way."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import confluent_kafka
import pytest

from tests.support.running_broker import running_broker
from tests.support.watching import Watching, watching
from tracker.config import KafkaConfig
from tracker.kafka.topics import ensure_topics
from tracker.topics import Topic

pytestmark = pytest.mark.may_block

SECONDS = 60.0
PAGES = ("/", "/topics", "/groups", "/cluster", "/pipeline", "/alerts", "/settings", "/activity")


def fill(kafka: KafkaConfig, topic: str, values: int) -> None:
    """So many records, of which a group has read all but two."""
    ensure_topics(kafka, [Topic(topic, partitions=1)])
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for number in range(values):
        producer.produce(topic, b"%d" % number, partition=0)
    assert producer.flush(SECONDS) == 0
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": kafka.bootstrap_servers, "group.id": f"{topic}-readers"}
    )
    place = confluent_kafka.TopicPartition(topic, 0, values - 2)
    consumer.commit(offsets=[place], asynchronous=False)
    consumer.close()


@pytest.fixture
async def watch(tmp_path: Path) -> AsyncIterator[Watching]:
    async with (
        running_broker(tmp_path / "one") as one,
        running_broker(tmp_path / "two") as two,
    ):
        clusters = {
            "local": KafkaConfig(bootstrap_servers=one.bootstrap),
            "second": KafkaConfig(bootstrap_servers=two.bootstrap),
            "dead": KafkaConfig(bootstrap_servers="127.0.0.1:1"),
        }
        await asyncio.to_thread(fill, clusters["local"], "here", 5)
        await asyncio.to_thread(fill, clusters["second"], "there", 9)
        async with watching(clusters, tmp_path / "dashboard") as made:
            yield made


async def test_each_cluster_is_shown_by_its_name_and_a_dead_one_hides_none(
    watch: Watching,
) -> None:
    async with asyncio.timeout(50):
        await watch.seen("local")
        await watch.seen("second")

    for cluster in ("", "?cluster=second", "?cluster=dead"):
        for page in PAGES:
            await watch.page(page + cluster)
    here, there = await watch.page("/topics"), await watch.page("/topics?cluster=second")
    away = await watch.page("/topics?cluster=dead")
    assert "/topics/here" in here
    assert "/topics/there" not in here
    assert "/topics/there?cluster=second" in there
    assert "/topics/here" not in away
    assert "there-readers" in await watch.page("/groups?cluster=second")
    far = await watch.page("/topics/there?tab=config&cluster=second")
    assert 'name="from_cluster" value="second"' in far
    assert "<select data-cluster><option>local</option><option selected>second</option>" in far
    now = await watch.page("/?cluster=second")
    assert "STOPPED" in now and "Beacon to count" not in now  # that is of our own cluster
    settings = await watch.page("/settings")
    assert (settings.count("ANSWERS"), settings.count("SILENT")) == (2, 1)
    assert "/cluster?cluster=second" in settings
    ready = await watch.client.get("/readyz")
    assert (ready.status, (await ready.json())["clusters"]["dead"]["up"]) == (200, False)


async def test_a_dead_cluster_says_why(watch: Watching) -> None:
    dead = watch.state.pollers["dead"]
    async with asyncio.timeout(50):
        while dead.connection.error == "not asked yet":
            await dead.wait_for(dead.version, 1.0)

    assert "no program listens at 127.0.0.1:1." in await watch.page("/?cluster=dead")


async def test_every_series_says_of_which_cluster_it_is(watch: Watching) -> None:
    async with asyncio.timeout(50):
        await watch.seen("local")
        await watch.seen("second")

    whole, one = await watch.page("/metrics"), await watch.page("/metrics?cluster=second")

    for line in whole.splitlines():
        if line.startswith("kafka_"):
            assert re.search(r'kafka_cluster="(local|second)"', line), line
    assert 'footfall_collector_up{kafka_cluster="dead"} 0' in whole
    for cluster, topic in (("local", "here"), ("second", "there")):
        place = f'consumergroup="{topic}-readers",topic="{topic}",partition="0"'
        assert f'kafka_consumergroup_lag{{kafka_cluster="{cluster}",{place}}} 2' in whole
    assert 'kafka_log_log_size{kafka_cluster="local",topic="here",partition="0"}' in whole
    assert 'kafka_log_log_size{kafka_cluster="second"' not in whole  # JMX names: ours only
    assert 'kafka_cluster="local"' not in one


async def test_looks_at_the_others_go_on_while_one_does_not_answer(watch: Watching) -> None:
    async with asyncio.timeout(50):
        first = await watch.seen("local")
        second = await watch.seen("second")
        before = [poller.snapshot.sequence for poller in (first, second) if poller.snapshot]
        while any(
            poller.snapshot is None or poller.snapshot.sequence < 1 + sequence
            for poller, sequence in zip((first, second), before, strict=True)
        ):
            await first.wait_for(first.version, 1.0)

    assert not first.is_stale()
    assert not second.is_stale()
    assert not watch.state.pollers["dead"].connection.up
