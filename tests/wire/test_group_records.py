"""What Apache Kafka 4.2 writes of groups into __consumer_offsets is read, and written alike."""

import time
from pathlib import Path

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from broker.coordinator.group.records import decode_record, encode_record
from dashboard.decoders.internal import decode
from tests.support.real_kafka import real_kafka

pytestmark = [pytest.mark.wire, pytest.mark.may_block, pytest.mark.timeout(240)]

OFFSETS = "__consumer_offsets"
DEADLINE_S = 60.0
KINDS = {1, 2, 3, 5, 6, 7, 8, 16}
"""Commits, a classic group, and a KIP-848 group whose member subscribes with an expression."""


def read_and_leave(bootstrap: str, group: str, topics: list[str], **settings: str) -> None:
    """A member that gets a record, commits and goes."""
    member = confluent_kafka.Consumer(
        {"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest"}
        | settings
    )
    member.subscribe(topics)
    deadline = time.monotonic() + DEADLINE_S
    while (message := member.poll(0.5)) is None or message.error():
        assert time.monotonic() < deadline, group
    member.commit(message=message, asynchronous=False)
    member.close()


def written(bootstrap: str) -> list[tuple[bytes, bytes | None]]:
    """Every record of __consumer_offsets."""
    reader = confluent_kafka.Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "unused", "enable.partition.eof": True}
    )
    parts = reader.list_topics(OFFSETS, DEADLINE_S).topics[OFFSETS].partitions
    reader.assign([confluent_kafka.TopicPartition(OFFSETS, part, 0) for part in parts])
    found: list[tuple[bytes, bytes | None]] = []
    ended = 0
    while ended < len(parts):
        message = reader.poll(DEADLINE_S)
        assert message is not None
        if message.error():
            ended += 1
        else:
            key = message.key()
            assert key is not None
            found.append((key, message.value()))
    reader.close()
    return found


def test_records_of_apache_kafkas_groups_are_read_and_written_alike(tmp_path: Path) -> None:
    with real_kafka(tmp_path / "kafka") as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.plain})
        admin.create_topics([NewTopic("visits", 1, 1)])["visits"].result(DEADLINE_S)
        producer = confluent_kafka.Producer({"bootstrap.servers": kafka.plain})
        producer.produce("visits", b"x")
        assert producer.flush(DEADLINE_S) == 0
        read_and_leave(kafka.plain, "old", ["visits"])
        new = {"group.protocol": "consumer"}
        read_and_leave(kafka.plain, "new", ["^vis.*"], **new)

        found = written(kafka.plain)

    assert {int.from_bytes(key[:2], "big") for key, _ in found} >= KINDS
    for key, value in found:
        record, shown = decode_record(key, value), decode(OFFSETS, key, value)
        assert shown[0] is not None and (value is None or shown[1] is not None), key
        if record is not None and value is not None:
            assert encode_record(record) == (key, value)
