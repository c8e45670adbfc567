"""Transactions as real clients use them, and over kill -9 of the broker (KIP-98, 447, 890)."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from tests.support import tools
from tests.support.running_broker import BrokerProcess, broker_process

pytestmark = [pytest.mark.wire, pytest.mark.may_block]

DEADLINE_S = 60.0


def producer_of(bootstrap: str, transactional_id: str, **settings: object) -> Producer:
    producer = Producer(
        {"bootstrap.servers": bootstrap, "transactional.id": transactional_id, **settings}
    )
    producer.init_transactions(DEADLINE_S)
    return producer


def read_all(bootstrap: str, topic: str, isolation: str = "read_committed") -> list[bytes | None]:
    """Values of partition 0 up to the end that this isolation level sees."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "isolation.level": isolation,
            "enable.partition.eof": True,
            "enable.auto.commit": False,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    values: list[bytes | None] = []
    try:
        while True:
            message = consumer.poll(DEADLINE_S)
            assert message is not None, "neither a record nor the end came"
            if message.error() is not None:
                return values
            values.append(message.value())
    finally:
        consumer.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    with broker_process(tmp_path / "data", transaction_state_log_num_partitions=4) as process:
        yield process


def test_committed_records_are_read_and_aborted_ones_are_not(broker: BrokerProcess) -> None:
    producer = producer_of(broker.bootstrap, "shop")
    for number in range(4):
        producer.begin_transaction()
        for part in range(3):
            producer.produce("orders", f"{number}-{part}", partition=0)
        if number % 2:
            producer.abort_transaction(DEADLINE_S)
        else:
            producer.commit_transaction(DEADLINE_S)

    committed = read_all(broker.bootstrap, "orders")

    assert committed == [f"{number}-{part}".encode() for number in (0, 2) for part in range(3)]
    assert len(read_all(broker.bootstrap, "orders", "read_uncommitted")) >= len(committed)


def test_an_open_transaction_holds_back_what_follows_it(broker: BrokerProcess) -> None:
    open_one = producer_of(broker.bootstrap, "open")
    open_one.begin_transaction()
    open_one.produce("orders", "open", partition=0)
    open_one.flush(DEADLINE_S)
    other = Producer({"bootstrap.servers": broker.bootstrap})
    other.produce("orders", "after", partition=0)
    other.flush(DEADLINE_S)

    before = read_all(broker.bootstrap, "orders")
    open_one.commit_transaction(DEADLINE_S)

    assert before == []
    assert read_all(broker.bootstrap, "orders") == [b"open", b"after"]


def test_a_second_producer_with_the_same_id_fences_the_first(broker: BrokerProcess) -> None:
    first = producer_of(broker.bootstrap, "shop")
    first.begin_transaction()
    first.produce("orders", "never seen", partition=0)
    first.flush(DEADLINE_S)
    second = producer_of(broker.bootstrap, "shop")
    second.begin_transaction()
    second.produce("orders", "seen", partition=0)
    second.commit_transaction(DEADLINE_S)

    with pytest.raises(KafkaException) as refusal:
        first.commit_transaction(DEADLINE_S)

    assert refusal.value.args[0].fatal()
    assert read_all(broker.bootstrap, "orders") == [b"seen"]


def test_offsets_move_with_the_records_made_from_them(broker: BrokerProcess) -> None:
    source = Producer({"bootstrap.servers": broker.bootstrap})
    for number in range(10):
        source.produce("in", str(number), partition=0)
    source.flush(DEADLINE_S)
    settings = {
        "bootstrap.servers": broker.bootstrap,
        "group.id": "copier",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
    consumer = Consumer(settings)
    consumer.subscribe(["in"])
    copier = producer_of(broker.bootstrap, "copier")

    for commit in (False, True):
        copier.begin_transaction()
        consumer.seek(TopicPartition("in", 0, 0)) if commit else None
        messages = consumer.consume(10, timeout=DEADLINE_S)
        for message in messages:
            copier.produce("out", message.value(), partition=0)
        position = consumer.position([TopicPartition("in", 0)])
        copier.send_offsets_to_transaction(position, consumer.consumer_group_metadata(), DEADLINE_S)
        if commit:
            copier.commit_transaction(DEADLINE_S)
        else:
            copier.abort_transaction(DEADLINE_S)
            aborted = consumer.committed([TopicPartition("in", 0)], timeout=DEADLINE_S)
    committed = consumer.committed([TopicPartition("in", 0)], timeout=DEADLINE_S)
    consumer.close()

    assert aborted[0].offset < 0
    assert committed[0].offset == 10
    assert read_all(broker.bootstrap, "out") == [str(number).encode() for number in range(10)]


def test_kill_9_keeps_committed_transactions_and_aborts_the_open_one(broker: BrokerProcess) -> None:
    producer = producer_of(broker.bootstrap, "shop")
    producer.begin_transaction()
    producer.produce("orders", "committed", partition=0)
    producer.commit_transaction(DEADLINE_S)
    producer.begin_transaction()
    producer.produce("orders", "open", partition=0)
    producer.flush(DEADLINE_S)

    broker.kill()
    broker.start()
    successor = producer_of(broker.bootstrap, "shop")
    successor.begin_transaction()
    successor.produce("orders", "after", partition=0)
    successor.commit_transaction(DEADLINE_S)

    assert read_all(broker.bootstrap, "orders") == [b"committed", b"after"]


def test_a_transaction_goes_on_over_kill_9(broker: BrokerProcess) -> None:
    producer = producer_of(broker.bootstrap, "shop")
    producer.begin_transaction()
    producer.produce("orders", "before", partition=0)
    producer.flush(DEADLINE_S)

    broker.kill()
    broker.start()
    producer.produce("orders", "after", partition=0)
    producer.commit_transaction(DEADLINE_S)

    assert read_all(broker.bootstrap, "orders") == [b"before", b"after"]


def test_a_transaction_left_open_is_aborted_by_the_clock(tmp_path: Path) -> None:
    interval = {"transaction_abort_timed_out_transaction_cleanup_interval_ms": 100}
    with broker_process(tmp_path / "data", **interval) as broker:
        producer = producer_of(broker.bootstrap, "shop", **{"transaction.timeout.ms": 1000})
        producer.begin_transaction()
        producer.produce("orders", "late", partition=0)
        producer.flush(DEADLINE_S)
        plain = Producer({"bootstrap.servers": broker.bootstrap})
        plain.produce("orders", "plain", partition=0)
        plain.flush(DEADLINE_S)
        reader = Consumer(
            {
                "bootstrap.servers": broker.bootstrap,
                "group.id": "reader",
                "auto.offset.reset": "earliest",
            }
        )
        reader.assign([TopicPartition("orders", 0, 0)])

        message = reader.poll(DEADLINE_S)
        reader.close()

        assert message is not None
        assert message.value() == b"plain"
        with pytest.raises(KafkaException):
            producer.commit_transaction(DEADLINE_S)


def test_apache_kafkas_transactional_perf_tool_runs_with_version_2(broker: BrokerProcess) -> None:
    """The Java client of 4.x uses transaction version 2 wherever the broker finalizes it."""
    command = [
        *tools.java_kafka(),
        "org.apache.kafka.tools.ProducerPerformance",
        *("--topic", "orders", "--num-records", "2000", "--throughput", "-1"),
        *("--record-size", "100", "--transactional-id", "perf"),
        *("--transaction-duration-ms", "20", "--producer-props"),
        f"bootstrap.servers={broker.bootstrap}",
    ]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    assert "2000 records sent" in done.stdout
    committed = read_all(broker.bootstrap, "orders")
    assert len(committed) == 2000
