"""Records of newer groups in words, held against what our broker writes of each kind."""

import random
from base64 import urlsafe_b64encode
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from broker.coordinator.group.consumer.records import CONSUMER_TYPES
from broker.coordinator.group.record_parts import Record
from broker.coordinator.group.records import encode_record
from broker.coordinator.group.share.records import SHARE_TYPES
from broker.coordinator.group.streams.records import STREAMS_TYPES
from broker.protocol.schema import Field, fields_of
from dashboard.decoders.internal import decode
from tests.support.random_messages import random_message

TOPIC = "__consumer_offsets"
TYPES = CONSUMER_TYPES | SHARE_TYPES | STREAMS_TYPES
TIMES = 40
RENAMED = {"version": "metadata_version"}  # each value has a version of its own


def is_written(field: Field, value: Any) -> bool:
    """Whether our codec writes a tagged field: not its default, which for a struct is a blank one,
    and no empty list."""
    if isinstance(field.wire.type, type):
        return bool(value != field.wire.type())
    return value not in (field.default, [])


def plain(item: Any, name: str = "") -> Any:
    """A value of the broker as it is told: ids in Kafka's letters, and what is written."""
    if is_dataclass(item):
        kind: Any = type(item)
        return {
            RENAMED.get(one.name, one.name): plain(getattr(item, one.name), one.name)
            for one in fields_of(kind)
            if not one.wire.is_tagged(0) or is_written(one, getattr(item, one.name))
        }
    if isinstance(item, list):
        return [plain(one) for one in item]
    if isinstance(item, bytes | memoryview):
        raw = bytes(item)
        return len(raw) if name == "metadata" else urlsafe_b64encode(raw).rstrip(b"=").decode()
    return item


@pytest.mark.parametrize("kind", TYPES)
def test_each_kind_is_told_by_its_fields(kind: int) -> None:
    key_type, value_type, version = TYPES[kind]
    dice = random.Random(kind)
    for _ in range(TIMES):
        key, value = random_message(key_type, 0, dice), random_message(value_type, version, dice)

        shown_key, shown_value = decode(TOPIC, *encode_record(Record(key, value)))

        assert shown_key is not None and shown_value is not None
        assert list(shown_key.values())[1:] == [getattr(key, one.name) for one in fields(key)]
        assert dict(shown_value) == {"version": 0, **plain(value)}


@pytest.mark.parametrize("kind", TYPES)
def test_a_tombstone_says_whose_it_is(kind: int) -> None:
    key = random_message(TYPES[kind][0], 0, random.Random(kind))

    shown, nothing = decode(TOPIC, *encode_record(Record(key, None)))

    assert shown is not None and shown["group"] == key.group_id
    assert nothing is None


def test_a_tombstone_that_kafka_4_2_writes_of_what_4_0_wrote_is_told() -> None:
    key = b"\x00\x04\x00\x01g"

    assert decode(TOPIC, key, None) == ({"kind": "consumer group topics", "group": "g"}, None)
    assert decode(TOPIC, key, b"\x00\x00\x01\x00")[1] is None


def test_a_member_as_apache_kafka_4_2_writes_it() -> None:
    """It tags what is null, too: taken from a broker of its own."""
    key = b"\x00\x05\x00\x01g\x00\x01m"
    value = bytes.fromhex(
        "0000 00 00 08 72646b61666b61 0b 2f3132372e302e302e31"
        "01 09 285e7061792e2a29 000493e0 00 01 00 01 00"
    )

    _, shown = decode(TOPIC, key, value)

    assert shown is not None
    assert (shown["client_id"], shown["client_host"]) == ("rdkafka", "/127.0.0.1")
    assert shown["classic_member_metadata"] is None


def test_a_tagged_field_of_a_newer_broker_is_passed_over() -> None:
    value = b"\x00\x00" + (7).to_bytes(4, "big") + b"\x01\x09\x02ab"

    _, shown = decode(TOPIC, b"\x00\x03\x00\x01g", value)

    assert shown == {"version": 0, "epoch": 7}
