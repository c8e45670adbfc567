"""confluent-kafka consumers that a test polls by hand, and a topic for them to share."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

PARTITIONS = 6
RECORDS = 120
DEADLINE_S = 60.0
QUICK_HEARTBEATS = {
    "group_consumer_heartbeat_interval_ms": 300,
    "group_consumer_min_heartbeat_interval_ms": 300,
}


def make_topic(bootstrap: str, name: str = "pages") -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(name, PARTITIONS)])[name].result(DEADLINE_S)


def produce(bootstrap: str, count: int = RECORDS, topic: str = "pages") -> list[str]:
    """Values v-0 ... spread evenly over the partitions."""
    producer = Producer({"bootstrap.servers": bootstrap})
    run = uuid.uuid4().hex[:6]
    values = [f"{run}-{number}" for number in range(count)]
    for number, value in enumerate(values):
        producer.produce(topic, value, partition=number % PARTITIONS)
    assert producer.flush(DEADLINE_S) == 0
    return values


class Member:
    """A confluent-kafka consumer that a test polls by hand."""

    def __init__(self, bootstrap: str, **settings: Any) -> None:
        self.values: list[str] = []
        self.errors: list[KafkaError] = []
        self.lost: list[TopicPartition] = []
        self.revoked: list[TopicPartition] = []
        self.consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "readers",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                **settings,
            }
        )
        self.consumer.subscribe(
            ["pages"],
            on_revoke=lambda consumer, gone: self.revoked.extend(gone),
            on_lost=lambda consumer, gone: self.lost.extend(gone),
        )

    @property
    def owns(self) -> set[int]:
        return {where.partition for where in self.consumer.assignment()}

    def poll(self) -> None:
        for message in self.consumer.consume(50, timeout=0.05):
            if (error := message.error()) is not None:
                self.errors.append(error)
                continue
            value = message.value()
            assert value is not None
            self.values.append(value.decode())


@contextmanager
def members(bootstrap: str, *settings: dict[str, Any]) -> Iterator[list[Member]]:
    made = [Member(bootstrap, **one) for one in settings]
    try:
        yield made
    finally:
        for member in made:
            member.consumer.close()


def until(done: Callable[[], bool], *polled: Member) -> None:
    """Poll until `done`, or fail with what the members own."""
    deadline = time.monotonic() + DEADLINE_S
    while not done():
        for member in polled:
            member.poll()
        assert time.monotonic() < deadline, [sorted(member.owns) for member in polled]


def share_all(*sharing: Member) -> Callable[[], bool]:
    """Whether these members own every partition once, each a fair part of them."""
    fair = PARTITIONS // len(sharing)

    def done() -> bool:
        owned = [partition for member in sharing for partition in member.owns]
        return sorted(owned) == list(range(PARTITIONS)) and all(
            len(member.owns) == fair for member in sharing
        )

    return done
