"""Consume, transform, produce: what comes out of a mill moves together with what went in (KIP-447).

Several mills share one group. librdkafka tells of a rebalance only from within poll, so what was
polled since the last one belongs to the generation whose metadata is sent along.
"""

import random
import time
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from tests.support.workload.history import Ended, Ending, Made, Reached, Sent
from tests.support.workload.library_clients import (
    PATIENCE_S,
    TRANSACTION_TIMEOUT_MS,
    end_transaction,
    found,
    settings,
)
from tests.support.workload.world import World

GROUP: Final = "mill"
FLOUR: Final = "flour"
FLOUR_PARTITIONS: Final = 2
BATCH_MAX = 60
SESSION_MS = 6_000


@dataclass(slots=True)
class Grain:
    """What was polled and not left behind yet; a rebalance takes it away."""

    messages: list[Message] = field(default_factory=list)

    def forget(self, *_: object) -> None:
        self.messages.clear()


def mill(world: World, name: str, dice: random.Random) -> None:
    """Lives of a mill; what it does not know the end of is found out by the next."""
    life = 0
    while not world.stopping.is_set():
        life += 1
        consumer = Consumer(
            settings(
                world,
                group_id=GROUP,
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=SESSION_MS,
                fetch_wait_max_ms=100,
            )
        )
        producer = Producer(
            settings(world, transactional_id=name, transaction_timeout_ms=TRANSACTION_TIMEOUT_MS)
        )
        try:
            producer.init_transactions(PATIENCE_S)
            _grind(world, f"{name}.{life}", dice, consumer, producer)
        except KafkaException:
            time.sleep(dice.uniform(0, 0.1))
        finally:
            consumer.close()


def _grind(
    world: World, name: str, dice: random.Random, consumer: Consumer, producer: Producer
) -> None:
    """One transaction after another, until one does not commit."""
    grain = Grain()
    consumer.subscribe(
        [world.topic], on_assign=grain.forget, on_revoke=grain.forget, on_lost=grain.forget
    )
    while not world.stopping.is_set():
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            grain.messages.append(message)
        is_full = len(grain.messages) >= BATCH_MAX
        if grain.messages and (is_full or message is None):
            transaction = f"{name}/{next(world.numbers)}"
            producer.begin_transaction()
            _write(world, transaction, dice, grain.messages, producer)
            producer.send_offsets_to_transaction(
                _positions(grain.messages), consumer.consumer_group_metadata(), PATIENCE_S
            )
            commit = dice.random() < 0.95
            world.recorder.add(Ending(transaction, commit))
            end_transaction(producer, commit=commit)
            world.recorder.add(Ended(transaction, commit))
            if not commit:
                return  # what it has polled is to be polled again: by a new consumer
            grain.forget()


def _write(
    world: World,
    transaction: str,
    dice: random.Random,
    messages: list[Message],
    producer: Producer,
) -> None:
    target = world.on(FLOUR, FLOUR_PARTITIONS)
    producer_name = transaction.partition("/")[0]
    for message in messages:
        place, offset, _ = found(message)
        partition = dice.randrange(target.partitions)
        value = f"{producer_name}-{next(world.numbers)}"
        world.recorder.add(Made(value, GROUP, place, offset))
        world.recorder.add(Sent(producer_name, target.place(partition), value, True, transaction))
        producer.produce(target.topic, value, partition=partition)


def _positions(messages: list[Message]) -> list[TopicPartition]:
    ends: dict[int, int] = {}
    for message in messages:
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        ends[partition] = max(offset + 1, ends.get(partition, 0))
    topic = messages[0].topic()
    assert topic is not None
    return [TopicPartition(topic, partition, offset) for partition, offset in ends.items()]


def note_what_is_left_behind(world: World) -> None:
    """Append how far the group of the mills has come."""
    consumer = Consumer(settings(world, group_id=GROUP))
    wanted = [TopicPartition(world.topic, index) for index in range(world.partitions)]
    for found_at in consumer.committed(wanted, PATIENCE_S):
        world.recorder.add(Reached(GROUP, world.place(found_at.partition), found_at.offset))
    consumer.close()
