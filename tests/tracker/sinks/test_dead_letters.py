"""Dead letters, on a real broker: what is buried can be read, and tells where it came from."""

from pathlib import Path

import pytest

from tests.support.running_broker import broker_process
from tracker.config import KafkaConfig
from tracker.kafka.client import Consumer, Record
from tracker.kafka.producer import NotStored
from tracker.kafka.topics import ensure_topics
from tracker.sinks.dead_letters import VALUE_BYTES_MAX, DeadLetters, Poison, letter
from tracker.topics import DEADLETTER, TopicPartition


def poison(value: bytes) -> Poison:
    return Poison(Record("events", 2, 17, b"key", value, [], 0), "schema_violation", "not an event")


def test_a_letter_is_cut_to_the_bound() -> None:
    sent = letter(poison(b"x" * (VALUE_BYTES_MAX + 1)), "export", 5)

    assert sent.value == b"x" * VALUE_BYTES_MAX


@pytest.mark.wire
def test_poison_is_stored_with_its_story(tmp_path: Path) -> None:
    with broker_process(tmp_path / "broker") as broker:
        kafka = KafkaConfig(bootstrap_servers=broker.bootstrap)
        ensure_topics(kafka, [DEADLETTER])
        dead_letters = DeadLetters(kafka, "export")

        dead_letters.send([poison(b"one"), poison(b"two")], 1_700_000_000_000)
        dead_letters.send([poison(b"three")], 1_700_000_000_001)

        dead_letters.close()
        reader = Consumer(kafka, client_id="test")
        reader.assign({TopicPartition(DEADLETTER.name, 0): 0})
        buried: list[Record] = []
        while len(buried) < 3:
            buried += reader.poll(3, 1.0)
        reader.close()
    assert [record.value for record in buried] == [b"one", b"two", b"three"]
    assert dict(buried[0].headers) == {
        "dlq_reason": b"schema_violation",
        "dlq_detail": b"not an event",
        "dlq_step": b"export",
        "dlq_timestamp": b"1700000000000",
        "dlq_origin": b"events-2@17",
    }


@pytest.mark.wire
def test_without_a_broker_the_caller_is_told(tmp_path: Path) -> None:
    with broker_process(tmp_path / "broker") as broker:
        gone = broker.bootstrap
    dead_letters = DeadLetters(KafkaConfig(bootstrap_servers=gone), "export")

    with pytest.raises(NotStored):
        dead_letters.send([poison(b"one")], 0)
    dead_letters.close()
