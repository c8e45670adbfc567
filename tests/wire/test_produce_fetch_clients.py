"""Real clients with default settings write and read what they wrote, byte for byte."""

import asyncio
import uuid
import warnings
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition as AioTopicPartition
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from tests.support.running_broker import broker_process, running_broker

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it reads its schemas in an old way
    from kafka import KafkaConsumer, KafkaProducer
    from kafka.structs import TopicPartition as PythonTopicPartition

pytestmark = [pytest.mark.wire, pytest.mark.may_block]

COUNT = 500
VALUES = [f"value {number}".encode() * (number % 7 + 1) for number in range(COUNT)]
DEADLINE_S = 60.0


def produce_with_librdkafka(bootstrap: str, topic: str, **settings: object) -> list[int]:
    """Offsets of VALUES as acknowledged, in order."""
    offsets: list[int] = []

    def acknowledged(error: object, message: Message) -> None:
        assert error is None, error
        offset = message.offset()
        assert offset is not None
        offsets.append(offset)

    producer = Producer({"bootstrap.servers": bootstrap, **settings})
    for value in VALUES:
        producer.produce(topic, value, key=b"key", partition=0, on_delivery=acknowledged)
    assert producer.flush(DEADLINE_S) == 0
    return offsets


def consume_with_librdkafka(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "nobody", "enable.auto.commit": False}
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    values: list[bytes | None] = []
    while len(values) < count:
        messages = consumer.consume(count - len(values), timeout=DEADLINE_S)
        assert messages, f"only {len(values)} of {count} records came"
        for message in messages:
            assert message.error() is None, message.error()
            values.append(message.value())
    consumer.close()
    return values


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
@pytest.mark.parametrize("idempotent", [False, True])
def test_librdkafka_reads_what_it_wrote(bootstrap: str, codec: str, idempotent: bool) -> None:
    topic = f"librdkafka-{uuid.uuid4().hex}"

    offsets = produce_with_librdkafka(
        bootstrap, topic, **{"compression.type": codec, "enable.idempotence": idempotent}
    )
    values = consume_with_librdkafka(bootstrap, topic, COUNT)

    assert offsets == list(range(COUNT))
    assert values == VALUES


@pytest.mark.parametrize("acks", [0, 1, "all"])
def test_kafka_python_reads_what_it_wrote(bootstrap: str, acks: int | str) -> None:
    topic = f"kafka-python-{uuid.uuid4().hex}"
    producer = KafkaProducer(
        bootstrap_servers=bootstrap, acks=acks, enable_idempotence=acks == "all"
    )
    for value in VALUES:
        producer.send(topic, value, partition=0)
    producer.flush(DEADLINE_S)
    producer.close()
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, consumer_timeout_ms=int(DEADLINE_S * 1000)
    )
    consumer.assign([PythonTopicPartition(topic, 0)])
    consumer.seek_to_beginning()
    values = [next(consumer).value for _ in VALUES]
    consumer.close()

    assert values == VALUES


@pytest.mark.parametrize("idempotent", [False, True])
async def test_aiokafka_reads_what_it_wrote(tmp_path: Path, idempotent: bool) -> None:
    async with running_broker(tmp_path / "data") as broker:
        producer = AIOKafkaProducer(
            bootstrap_servers=broker.bootstrap, enable_idempotence=idempotent
        )
        await producer.start()
        sent = [await producer.send("pages", value, partition=0) for value in VALUES]
        offsets = [(await one).offset for one in sent]
        await producer.stop()
        consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap)
        await consumer.start()
        consumer.assign([AioTopicPartition("pages", 0)])
        await consumer.seek_to_beginning()
        async with asyncio.timeout(DEADLINE_S):
            values = [(await consumer.getone()).value for _ in VALUES]
        await consumer.stop()

    assert offsets == list(range(COUNT))
    assert values == VALUES


def test_everything_acknowledged_is_there_after_kill_and_restart(tmp_path: Path) -> None:
    with broker_process(tmp_path / "data") as broker:
        produce_with_librdkafka(broker.bootstrap, "pages")

        broker.kill()
        broker.start()

        assert consume_with_librdkafka(broker.bootstrap, "pages", COUNT) == VALUES


def test_an_idempotent_producer_goes_on_after_a_restart_without_doubling(tmp_path: Path) -> None:
    with broker_process(tmp_path / "data") as broker:
        producer = Producer({"bootstrap.servers": broker.bootstrap, "enable.idempotence": True})
        for value in VALUES[:100]:
            producer.produce("pages", value, partition=0)
        assert producer.flush(DEADLINE_S) == 0

        broker.kill()
        broker.start()
        for value in VALUES[100:]:
            producer.produce("pages", value, partition=0)
        assert producer.flush(DEADLINE_S) == 0

        assert consume_with_librdkafka(broker.bootstrap, "pages", COUNT) == VALUES


def test_a_clean_stop_ends_with_code_0_and_keeps_the_cluster_id(tmp_path: Path) -> None:
    with broker_process(tmp_path / "data") as broker:
        before = Producer({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=DEADLINE_S)

        code = broker.stop()
        broker.start()
        after = Producer({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=DEADLINE_S)

    assert code == 0
    assert after.cluster_id == before.cluster_id
    assert (tmp_path / "data" / "broker" / "meta.properties").exists()


def test_a_record_too_large_is_refused_and_the_producer_goes_on(tmp_path: Path) -> None:
    with broker_process(tmp_path / "data", message_max_bytes=10_000) as broker:
        refused: list[object] = []
        producer = Producer({"bootstrap.servers": broker.bootstrap})
        producer.produce(
            "pages", uuid.uuid4().bytes * 2_000, on_delivery=lambda error, _: refused.append(error)
        )
        assert producer.flush(DEADLINE_S) == 0
        producer.produce("pages", b"small", partition=0)
        assert producer.flush(DEADLINE_S) == 0

        assert consume_with_librdkafka(broker.bootstrap, "pages", 1) == [b"small"]
    assert [KafkaException(one).args[0].name() for one in refused] == ["MSG_SIZE_TOO_LARGE"]
