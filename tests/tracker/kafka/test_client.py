"""The door to the broker, on a real one."""

import asyncio

from tracker.config import KafkaConfig
from tracker.kafka.client import Committed, Consumer, Record
from tracker.kafka.producer import NewRecord, Producer
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
