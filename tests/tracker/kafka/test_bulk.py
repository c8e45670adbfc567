"""Metadata and ends of logs in bulk: the same answers as librdkafka's, of a running broker."""

import asyncio
import socket

import confluent_kafka
import pytest

from tracker.config import KafkaConfig
from tracker.kafka.admin import EARLIEST, LATEST, LATEST_STABLE, Admin, ClusterUnavailable
from tracker.kafka.bulk import Bulk
from tracker.kafka.line import Line
from tracker.kafka.topics import ensure_topics
from tracker.topics import Topic, TopicPartition

TOPICS = [Topic("visits", partitions=3), Topic("held", partitions=1)]
SECONDS = 10.0

pytestmark = pytest.mark.may_block


def fill(config: KafkaConfig) -> confluent_kafka.Producer:
    """Records, and a transaction that the caller leaves open."""
    ensure_topics(config, TOPICS)
    options = {"bootstrap.servers": config.bootstrap_servers, "transactional.id": "open"}
    producer = confluent_kafka.Producer(options)
    producer.init_transactions(SECONDS)
    producer.begin_transaction()
    producer.produce("visits", b"x", partition=2)
    producer.commit_transaction(SECONDS)
    producer.begin_transaction()
    producer.produce("held", b"x", partition=0)
    assert producer.flush(SECONDS) == 0
    return producer


async def test_both_clients_tell_the_same(config: KafkaConfig) -> None:
    producer = await asyncio.to_thread(fill, config)

    def compare() -> None:
        line, admin = Line(config), Admin(config)
        bulk = Bulk(line)
        cluster, ids = bulk.metadata(SECONDS)
        assert cluster == admin.metadata(SECONDS)
        assert ids == admin.topic_ids(tuple(cluster.topics), SECONDS)
        leaders = {
            TopicPartition(name, part.index): part.leader
            for name, parts in cluster.topics.items()
            for part in parts
        }
        for which in (EARLIEST, LATEST, LATEST_STABLE):
            told = bulk.offsets(leaders, which, SECONDS)
            assert told == admin.offsets(leaders, which, SECONDS)
        assert told[TopicPartition("held", 0)] == 0
        line.close()

    await asyncio.to_thread(compare)
    await asyncio.to_thread(producer.abort_transaction, SECONDS)


async def test_a_partition_that_is_gone_or_led_by_nobody_is_left_out(config: KafkaConfig) -> None:
    await asyncio.to_thread(ensure_topics, config, TOPICS)
    line = Line(config)
    here, gone, elsewhere = (TopicPartition(name, 0) for name in ("visits", "gone", "held"))

    def told() -> dict[TopicPartition, int]:
        cluster, _ = Bulk(line).metadata(SECONDS)
        leader = cluster.brokers[0].id
        return Bulk(line).offsets({here: leader, gone: leader, elsewhere: 77}, LATEST, SECONDS)

    assert await asyncio.to_thread(told) == {here: 0}
    line.close()


async def test_a_cluster_that_is_silent_is_told_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        bulk = Bulk(Line(KafkaConfig(bootstrap_servers=address)))

        async with asyncio.timeout(20):
            with pytest.raises(ClusterUnavailable):
                await asyncio.to_thread(bulk.metadata, 0.3)
