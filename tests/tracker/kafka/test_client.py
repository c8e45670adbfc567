"""The door to the broker, on a real one."""

import asyncio
from pathlib import Path

import pytest

from broker.errors import ErrorCode
from tests.support.gated_files import GatedFiles
from tests.support.raw_client import RawClient
from tests.support.running_broker import broker_process, running_broker
from tests.support.topic_calls import batch_of, write
from tracker.config import KafkaConfig
from tracker.kafka.client import Committed, Consumer, NewRecord, NotStored, Producer, Record
from tracker.kafka.topics import ensure_topics
from tracker.topics import Topic, TopicPartition

NOBODY = KafkaConfig(bootstrap_servers="127.0.0.1:1")


def send(config: KafkaConfig, topic: Topic, records: list[NewRecord]) -> None:
    async def run() -> None:
        producer = Producer(config, client_id="test")
        await producer.send(topic, records)
        await producer.close()

    asyncio.run(run())


def read(consumer: Consumer, count: int) -> list[bytes | None]:
    found: list[bytes | None] = []
    while len(found) < count:
        found += [record.value for record in consumer.poll(timeout_s=0.5)]
    return found


def test_what_was_acknowledged_can_be_read(kafka: KafkaConfig, topic: Topic) -> None:
    send(kafka, topic, [NewRecord(b"one", b"k", [("h", b"x")]), NewRecord(None, b"k")])

    consumer = Consumer(kafka, client_id="test")
    consumer.assign({where: 0 for where in consumer.partitions(topic)})
    records: list[Record] = []
    while len(records) < 2:
        records += consumer.poll(timeout_s=0.5)
    consumer.close()

    assert [(one.value, one.key) for one in records] == [(b"one", b"k"), (None, b"k")]
    assert records[0].headers == [("h", b"x")]
    assert records[0].timestamp_ms > 1_700_000_000_000


def test_a_group_goes_on_where_it_committed(kafka: KafkaConfig, topic: Topic) -> None:
    send(kafka, topic, [NewRecord(str(number).encode(), b"k") for number in range(10)])
    group = f"group-{topic.name}"
    consumer = Consumer(kafka, client_id="one", group=group)
    consumer.subscribe([topic])
    read(consumer, 10)
    (where,) = (w for w in consumer.assignment() if consumer.watermarks(w).end == 10)
    consumer.commit({where: 7}, {where: "a note"})
    consumer.close()

    second = Consumer(kafka, client_id="two", group=group)
    second.subscribe([topic])
    values = read(second, 3)
    committed = second.committed([where])
    second.close()

    assert values == [b"7", b"8", b"9"]
    assert committed == {where: Committed(7, "a note")}


def test_a_worker_may_start_from_offsets_of_its_own(kafka: KafkaConfig, topic: Topic) -> None:
    send(kafka, topic, [NewRecord(str(number).encode(), b"k") for number in range(10)])
    consumer = Consumer(kafka, client_id="one", group=f"group-{topic.name}")
    starts = {TopicPartition(topic.name, index): 8 for index in range(2)}

    consumer.subscribe([topic], on_assigned=lambda _partitions: starts)
    values = read(consumer, 2)
    consumer.close()

    assert values[:2] == [b"8", b"9"]


async def test_more_than_the_bound_is_refused_at_once() -> None:
    producer = Producer(NOBODY, client_id="test", max_in_flight=3, acknowledge_timeout_ms=200)
    waiting = producer.submit(Topic("t", 1), [NewRecord(b"x")] * 3)

    with pytest.raises(NotStored, match="bound"):
        producer.submit(Topic("t", 1), [NewRecord(b"x")])

    with pytest.raises(NotStored):
        await waiting
    assert producer.in_flight == 0
    await producer.close()


async def test_a_broker_that_is_away_is_not_stored_within_the_timeout() -> None:
    producer = Producer(NOBODY, client_id="test", acknowledge_timeout_ms=300)

    async with asyncio.timeout(50):
        with pytest.raises(NotStored):
            await producer.send(Topic("t", 1), [NewRecord(b"x")])

    await producer.close()


async def test_closing_fails_what_is_still_in_flight() -> None:
    producer = Producer(NOBODY, client_id="test", acknowledge_timeout_ms=60_000)
    waiting = producer.submit(Topic("t", 1), [NewRecord(b"x")])

    await producer.close(timeout_s=0.05)

    with pytest.raises(NotStored):
        await waiting


@pytest.mark.system
async def test_what_is_not_on_the_disk_is_not_acknowledged(tmp_path: Path) -> None:
    """Others, with acks=1, are answered meanwhile."""
    topic, files = Topic("unsafe", 1), GatedFiles()
    async with running_broker(tmp_path, files=files) as broker:
        config = KafkaConfig(bootstrap_servers=f"{broker.host}:{broker.port}")
        await asyncio.to_thread(ensure_topics, config, [topic])
        producer = Producer(config, client_id="test")
        await producer.send(topic, [NewRecord(b"before")])
        with files.closed(str(tmp_path)):
            waiting = producer.submit(topic, [NewRecord(b"record")])
            log = broker.services.partitions.get(topic.name, 0).log
            while log.end_offset < 2:
                await asyncio.sleep(0.001)
            async with await RawClient.connect(broker.host, broker.port) as other:
                answer = await write(other, topic.name, batch_of(b"other"), acks=1)
            acknowledged = waiting.done()
        await waiting
        await producer.close()

    assert (answer.error_code, acknowledged) == (ErrorCode.NONE, False)


async def test_a_producer_outlives_a_broker_that_was_killed(tmp_path: Path) -> None:
    topic = Topic("survivor", 1)
    with broker_process(tmp_path / "data") as broker:
        config = KafkaConfig(bootstrap_servers=broker.bootstrap)
        await asyncio.to_thread(ensure_topics, config, [topic])
        producer = Producer(config, client_id="test", acknowledge_timeout_ms=20_000)
        await producer.send(topic, [NewRecord(b"before")])
        await asyncio.to_thread(broker.kill)
        waiting = producer.submit(topic, [NewRecord(b"during")])
        await asyncio.to_thread(broker.start)

        await waiting
        await producer.send(topic, [NewRecord(b"after")])
        await producer.close()

        consumer = Consumer(config, client_id="test")
        consumer.assign({TopicPartition(topic.name, 0): 0})
        values = await asyncio.to_thread(read, consumer, 3)
        await asyncio.to_thread(consumer.close)
    assert values == [b"before", b"during", b"after"]
