"""Internal topics in words: what a running broker really wrote, and bytes that mean nothing."""

import asyncio

import confluent_kafka
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.coordinator.share.records import (
    ShareKey,
    ShareSnapshot,
    ShareUpdate,
    StateBatch,
    encode_record,
)
from dashboard.decoders.internal import decode
from tests.support.running_broker import RunningBroker
from tracker.config import KafkaConfig
from tracker.kafka.changes import Changes, NewTopic
from tracker.topics import TopicPartition

OFFSETS, TRANSACTIONS = "__consumer_offsets", "__transaction_state"
SHARES = "__share_group_state"


def text(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()


def test_a_commit_is_told_by_its_fields() -> None:
    key = b"\x00\x01" + text("export") + text("events") + (2).to_bytes(4, "big")
    value = b"\x00\x03" + (7).to_bytes(8, "big") + b"\xff" * 4 + text("") + (9).to_bytes(8, "big")

    shown_key, shown_value = decode(OFFSETS, key, value)

    assert shown_key == {
        "kind": "offset commit",
        "group": "export",
        "topic": "events",
        "partition": 2,
    }
    assert shown_value == {
        "version": 3,
        "offset": 7,
        "leader_epoch": -1,
        "metadata": "",
        "commit_timestamp_ms": 9,
    }


@pytest.mark.parametrize(
    ("tagged", "told"),
    [
        (b"\x00", {}),
        (b"\x01\x00\x10" + b"\xff" * 15 + b"\xfe", {"topic_id": "_" * 21 + "g"}),
    ],
)
def test_a_commit_as_kafka_4_2_writes_it_is_told(tagged: bytes, told: dict[str, str]) -> None:
    key = b"\x00\x01" + text("export") + text("events") + (2).to_bytes(4, "big")
    fields = (7).to_bytes(8, "big") + b"\xff" * 4 + b"\x02n" + (9).to_bytes(8, "big")

    _, shown = decode(OFFSETS, key, b"\x00\x04" + fields + tagged)
    _, with_a_later_field = decode(OFFSETS, key, b"\x00\x04" + fields + b"\x01\x01\x01x")

    assert shown == {
        "version": 4,
        "offset": 7,
        "leader_epoch": -1,
        "metadata": "n",
        "commit_timestamp_ms": 9,
        **told,
    }
    assert with_a_later_field is None


SHARE = ShareKey("queue", b"\xff" * 15 + b"\xfe", 3)
BATCHES = [StateBatch(5, 7, 2, 1), StateBatch(8, 8, 0, 2), StateBatch(9, 9, 77, 1)]
SHOWN_BATCHES = [
    {"first_offset": 5, "last_offset": 7, "delivery_state": "Acknowledged", "delivery_count": 1},
    {"first_offset": 8, "last_offset": 8, "delivery_state": "Available", "delivery_count": 2},
    {"first_offset": 9, "last_offset": 9, "delivery_state": 77, "delivery_count": 1},
]


def share_key(kind: str) -> dict[str, object]:
    return {"kind": kind, "group": "queue", "topic_id": "_" * 21 + "g", "partition": 3}


def test_a_snapshot_of_a_share_partition_is_told_by_its_fields() -> None:
    told = decode(
        SHARES, *encode_record(SHARE, ShareSnapshot(1, 2, 3, 5, 1_000, 2_000, BATCHES, 4))
    )

    assert told == (
        share_key("share snapshot"),
        {
            "version": 0,
            "snapshot_epoch": 1,
            "state_epoch": 2,
            "leader_epoch": 3,
            "start_offset": 5,
            "created_ms": 1_000,
            "written_ms": 2_000,
            "state_batches": SHOWN_BATCHES,
            "delivery_complete_count": 4,
        },
    )


def test_an_update_of_a_share_partition_is_told_by_its_fields() -> None:
    told = decode(SHARES, *encode_record(SHARE, ShareUpdate(1, 3, -1, BATCHES)))

    assert told == (
        share_key("share update"),
        {
            "version": 0,
            "snapshot_epoch": 1,
            "leader_epoch": 3,
            "start_offset": -1,
            "state_batches": SHOWN_BATCHES,
        },
    )


def test_a_share_partition_that_is_forgotten_has_a_key_and_no_value() -> None:
    key, value = encode_record(SHARE, ShareUpdate(1, 3, -1, []))

    assert decode(SHARES, key, None) == (share_key("share update"), None)
    assert decode(SHARES, b"\x00\x02" + key[2:], value) == (None, None)
    assert decode(SHARES, key, b"\x00\x01" + value[2:]) == (share_key("share update"), None)


def test_a_tombstone_has_a_key_and_no_value() -> None:
    assert decode(OFFSETS, b"\x00\x02" + text("export"), None) == (
        {"kind": "group", "group": "export"},
        None,
    )


@given(st.sampled_from((OFFSETS, TRANSACTIONS, SHARES, "events")), st.binary(), st.binary())
def test_no_bytes_are_a_crash(topic: str, key: bytes, value: bytes) -> None:
    shown = decode(topic, key, value)
    prefixed = decode(topic, b"\x00\x02\x00\x00", b"\x00\x03" + value)

    assert len(shown) == len(prefixed) == 2


def test_other_topics_are_left_as_they_are() -> None:
    assert decode("events", b"\x00\x02" + text("g"), b"") == (None, None)


def written(bootstrap: str) -> dict[str, list[tuple[object, object]]]:
    """What our broker wrote for a commit and a transaction, decoded."""
    changes = Changes(KafkaConfig(bootstrap_servers=bootstrap))
    changes.create_topic(NewTopic("visits", 1))
    changes.commit_offsets("readers", {TopicPartition("visits", 0): 5})
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": bootstrap, "transactional.id": "shop"}
    )
    producer.init_transactions(10)
    producer.begin_transaction()
    producer.produce("visits", b"x")
    producer.commit_transaction(10)
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "unused",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    found: dict[str, list[tuple[object, object]]] = {}
    for topic in (OFFSETS, TRANSACTIONS):
        parts = consumer.list_topics(topic, 10).topics[topic].partitions
        consumer.assign([confluent_kafka.TopicPartition(topic, part, 0) for part in parts])
        ended = 0
        while ended < len(parts):
            message = consumer.poll(10)
            assert message is not None
            if message.error():
                ended += 1
            else:
                found.setdefault(topic, []).append(decode(topic, message.key(), message.value()))
    consumer.close()
    return found


@pytest.mark.may_block
async def test_what_a_broker_wrote_is_understood(broker: RunningBroker) -> None:
    found = await asyncio.to_thread(written, broker.bootstrap)

    commits = [value for key, value in found[OFFSETS] if isinstance(value, dict)]
    assert any(value.get("offset") == 5 for value in commits)
    states = [value["state"] for _, value in found[TRANSACTIONS] if isinstance(value, dict)]
    assert states[0] == "Empty" and "Ongoing" in states and states[-1] == "CompleteCommit"
