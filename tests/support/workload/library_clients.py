"""Clients made with librdkafka: idempotent and transactional writers, readers fast and slow."""

import logging
import random
import time
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from tests.support.workload.history import Acknowledged, Ended, Ending, Polled, Sent
from tests.support.workload.world import World, identity_of

PATIENCE_S = 40.0
SILENT = logging.getLogger("workload")
SILENT.disabled = True
TRANSACTION_TIMEOUT_MS = 10_000
END_ATTEMPTS = 10


def settings(world: World, **more: Any) -> dict[str, Any]:
    """What all clients have; a broker that is away is no news here."""
    return {
        "bootstrap.servers": world.bootstrap,
        "error_cb": lambda _: None,
        "logger": SILENT,
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 200,
        **{key.replace("_", "."): value for key, value in more.items()},
    }


def write_with_idempotence(world: World, name: str, dice: random.Random) -> None:
    """Sends all the time; a producer that gives up is replaced by a new one.

    It never gives up a record by itself: when librdkafka does so (after 300 s) it goes on at
    another epoch with the other records of the same batch, which may be stored already.
    """
    patient = settings(world, enable_idempotence=True, linger_ms=1, message_timeout_ms=0)
    for life in range(1_000):
        producer = Producer(patient)
        try:
            while not world.stopping.is_set():
                send(world, producer, f"{name}.{life}", dice)
                producer.poll(dice.uniform(0, 0.01))
            producer.flush(PATIENCE_S)
            return
        except KafkaException:
            continue


def send(
    world: World,
    producer: Producer,
    name: str,
    dice: random.Random,
    transaction: str | None = None,
) -> None:
    """Hand one new record to the producer."""
    partition = dice.randrange(world.partitions)
    place, value = world.place(partition), f"{name}-{next(world.numbers)}"

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is None:
            world.recorder.add(Acknowledged(place, value, message.offset() or 0))

    world.recorder.add(Sent(name, place, value, True, transaction))
    try:
        producer.produce(world.topic, value, partition=partition, on_delivery=delivered)
    except BufferError:
        producer.poll(0.1)


def write_in_transactions(world: World, name: str, dice: random.Random) -> None:
    """Transactions of some records, a third of them aborted on purpose."""
    life = 0
    while not world.stopping.is_set():
        life += 1
        producer = Producer(
            settings(world, transactional_id=name, transaction_timeout_ms=TRANSACTION_TIMEOUT_MS)
        )
        try:
            producer.init_transactions(PATIENCE_S)
            is_sound = True
            while is_sound and not world.stopping.is_set():
                is_sound = _transaction(world, producer, f"{name}.{life}", dice)
        except KafkaException:
            time.sleep(dice.uniform(0, 0.1))  # a new producer fences this one


def _transaction(world: World, producer: Producer, name: str, dice: random.Random) -> bool:
    """One whole transaction; whether its producer may make another one.

    KafkaException: nobody knows how it ended.
    """
    transaction = f"{name}/{next(world.numbers)}"
    producer.begin_transaction()
    commit = dice.random() < 0.67
    unanswered = 0
    try:
        for _ in range(dice.randint(1, 6)):
            send(world, producer, name, dice, transaction)
            producer.poll(0)
            time.sleep(dice.uniform(0, 0.02))
        world.recorder.add(Ending(transaction, commit))
        unanswered = 0 if commit else producer.flush(0)
        end_transaction(producer, commit=commit)
    except KafkaException as trouble:
        if not trouble.args[0].txn_requires_abort():
            raise
        commit = False
        unanswered = producer.flush(0)
        end_transaction(producer, commit=False)
    world.recorder.add(Ended(transaction, commit))
    # librdkafka 2.16 aborts records that were sent and not answered by giving their sequences to
    # the next ones, at the same epoch. A broker that has them (Apache Kafka 4.2 as well as ours)
    # takes the next ones for retries: answered with the old offsets, committed, and lost.
    return unanswered == 0


def end_transaction(producer: Producer, *, commit: bool) -> None:
    """Ask for the end until it is told; the last KafkaException if it never is."""
    for attempt in range(END_ATTEMPTS):
        try:
            if commit:
                producer.commit_transaction(PATIENCE_S)
            else:
                producer.abort_transaction(PATIENCE_S)
            return
        except KafkaException as trouble:
            if not trouble.args[0].retriable() or attempt == END_ATTEMPTS - 1:
                raise


def read_fast(world: World, name: str, dice: random.Random) -> None:
    """Reads committed records, sometimes again from the beginning."""
    _read(world, name, dice, pause_s=0.0)


def read_slowly(world: World, name: str, dice: random.Random) -> None:
    """Takes its time between two records, with small buffers."""
    _read(world, name, dice, pause_s=0.02, queued_max_messages_kbytes=1, fetch_max_bytes=1_000_000)


def _read(world: World, name: str, dice: random.Random, *, pause_s: float, **more: Any) -> None:
    consumer = Consumer(
        settings(
            world,
            group_id=name,
            isolation_level="read_committed",
            enable_auto_commit=False,
            **more,
        )
    )
    session = f"{name}-{next(world.numbers)}"
    assign_all(world, consumer)
    while not world.stopping.is_set():
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            world.recorder.add(Polled(session, *found(message)))
        if dice.random() < 0.001:
            session = f"{name}-{next(world.numbers)}"
            assign_all(world, consumer)
        time.sleep(dice.uniform(0, pause_s))
    consumer.close()


def assign_all(world: World, consumer: Consumer) -> None:
    """All partitions from the beginning."""
    consumer.assign(
        [TopicPartition(world.topic, index, OFFSET_BEGINNING) for index in range(world.partitions)]
    )


def found(message: Message) -> tuple[str, int, str]:
    """Place, offset and value of a record."""
    offset = message.offset()
    assert offset is not None
    value = identity_of(message.value(), message.headers())
    return f"{message.topic()}-{message.partition()}", offset, value
