"""Bytes of __consumer_offsets, some of them as Apache Kafka 4.1 writes them."""

import base64

import pytest

from broker.coordinator.group.classic.records import (
    GroupMetadataKey,
    GroupMetadataValue,
    MemberMetadata,
)
from broker.coordinator.group.consumer.records import (
    ClassicMemberMetadata,
    ClassicProtocol,
    ConsumerGroupCurrentMemberAssignmentKey,
    ConsumerGroupCurrentMemberAssignmentValue,
    ConsumerGroupMemberMetadataKey,
    ConsumerGroupMemberMetadataValue,
    ConsumerGroupMetadataKey,
    ConsumerGroupMetadataValue,
    ConsumerGroupRegularExpressionKey,
    ConsumerGroupRegularExpressionValue,
    ConsumerGroupTargetAssignmentMemberKey,
    ConsumerGroupTargetAssignmentMetadataKey,
)
from broker.coordinator.group.offset_records import OffsetCommitKey, OffsetCommitValue
from broker.coordinator.group.record_parts import (
    Record,
    TargetAssignmentMetadata,
    TargetTopics,
    TopicPartitions,
)
from broker.coordinator.group.records import decode_record, encode_record
from broker.coordinator.group.share.records import (
    ShareGroupStatePartitionMetadataKey,
    ShareGroupStatePartitionMetadataValue,
    TopicInfo,
    TopicPartitionsInfo,
)
from broker.protocol.primitives import ProtocolError

TOPIC_ID = bytes(range(16))

RECORDS = [
    Record(OffsetCommitKey("g", "t", 3), OffsetCommitValue(5, 7, "note", 1_000)),
    Record(OffsetCommitKey("g", "t", 3), OffsetCommitValue(5, -1, "", 1_000, 2_000)),
    Record(OffsetCommitKey("g", "t", 3), None),
    Record(
        GroupMetadataKey("g"),
        GroupMetadataValue(
            "consumer",
            4,
            "range",
            "m",
            1_000,
            [MemberMetadata("m", "seat", "client", "/127.0.0.1", 60_000, 10_000, b"s", b"a")],
        ),
    ),
    Record(GroupMetadataKey("g"), GroupMetadataValue("consumer", 4, None, None, 1_000)),
    Record(ConsumerGroupMetadataKey("g"), ConsumerGroupMetadataValue(4, 99)),
    Record(
        ConsumerGroupMemberMetadataKey("g", "m"),
        ConsumerGroupMemberMetadataValue(
            "seat",
            "rack",
            "client",
            "/127.0.0.1",
            ["t"],
            "t.*",
            60_000,
            "uniform",
            ClassicMemberMetadata(10_000, [ClassicProtocol("range", b"s")]),
        ),
    ),
    Record(ConsumerGroupMemberMetadataKey("g", "m"), ConsumerGroupMemberMetadataValue()),
    Record(
        ConsumerGroupTargetAssignmentMetadataKey("g"),
        TargetAssignmentMetadata(4),
    ),
    Record(
        ConsumerGroupTargetAssignmentMemberKey("g", "m"),
        TargetTopics([TopicPartitions(TOPIC_ID, [0, 2])]),
    ),
    Record(
        ConsumerGroupCurrentMemberAssignmentKey("g", "m"),
        ConsumerGroupCurrentMemberAssignmentValue(
            4, 3, 1, [TopicPartitions(TOPIC_ID, [0])], [TopicPartitions(TOPIC_ID, [1])]
        ),
    ),
    Record(
        ShareGroupStatePartitionMetadataKey("g"),
        ShareGroupStatePartitionMetadataValue(
            [TopicPartitionsInfo(TOPIC_ID, "t", [1])],
            [TopicPartitionsInfo(TOPIC_ID, "t", [0, 2])],
            [TopicInfo(TOPIC_ID, "t")],
        ),
    ),
    Record(
        ConsumerGroupRegularExpressionKey("g", "t.*"),
        ConsumerGroupRegularExpressionValue(["t"], 4, 1_000),
    ),
]


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_is_read_as_it_was_written(record: Record) -> None:
    key, value = encode_record(record)

    assert decode_record(key, value) == record


def test_which_partitions_a_share_group_initialized_has_kafkas_bytes() -> None:
    """As Apache Kafka 4.2.0 wrote them: group g0286, partitions 0 and 1 of topic a0286."""
    topic_id = base64.urlsafe_b64decode("110mATr9Sj2fs3GUqW8MUA==")
    topics = [TopicPartitionsInfo(topic_id, "a0286", [0, 1])]
    value = ShareGroupStatePartitionMetadataValue([], topics, [])

    key, encoded = encode_record(Record(ShareGroupStatePartitionMetadataKey("g0286"), value))

    assert key.hex() == "000f00056730323836"
    assert encoded is not None
    assert encoded.hex() == f"00000102{topic_id.hex()}066130323836030000000000000001000100"


def test_a_member_that_is_not_classic_has_kafkas_bytes() -> None:
    """As Apache Kafka 4.2.0 wrote it for librdkafka: to leave its tag out would be, to Kafka, an
    empty struct, and so a member of the classic protocol."""
    value = ConsumerGroupMemberMetadataValue(
        *(None, None, "rdkafka", "/127.0.0.1", []),
        subscribed_topic_regex="(^pay.*)",
        rebalance_timeout_ms=300_000,
    )
    written = bytes.fromhex(
        "0000 00 00 08 72646b61666b61 0b 2f3132372e302e302e31"
        "01 09 285e7061792e2a29 000493e0 00 01 00 01 00"
    )
    record = Record(ConsumerGroupMemberMetadataKey("g", "m"), value)

    key, encoded = encode_record(record)

    assert encoded == written
    assert decode_record(key, written) == record


def test_a_member_that_we_wrote_before_without_its_tag_is_not_classic_either() -> None:
    record = Record(
        ConsumerGroupMemberMetadataKey("g", "m"), ConsumerGroupMemberMetadataValue(client_id="c")
    )
    key, encoded = encode_record(record)
    assert encoded is not None and encoded.endswith(b"\x01\x00\x01\x00")

    assert decode_record(key, encoded[:-4] + b"\x00") == record


def test_an_offset_has_kafkas_bytes() -> None:
    """Key type 1, value version 4, laid out by hand from Kafka's message definition."""
    by_name = OffsetCommitValue(5, 7, "n", 1_000)
    by_id = OffsetCommitValue(5, 7, "n", 1_000, topic_id=b"\x01" * 16)

    (key, named), (_, with_id) = (
        encode_record(Record(OffsetCommitKey("g", "t", 3), value)) for value in (by_name, by_id)
    )

    assert key.hex() == "000100016700017400000003"
    assert named is not None and with_id is not None
    fields = "0004000000000000000500000007026e00000000000003e8"
    assert named.hex() == fields + "00"
    assert with_id.hex() == fields + "010010" + "01" * 16


def test_an_offset_of_an_older_broker_is_read() -> None:
    """Version 3, which Apache Kafka wrote before 4.2, and Footfall as well."""
    value = bytes.fromhex("000300000000000000050000000700016e00000000000003e8")

    record = decode_record(bytes.fromhex("000100016700017400000003"), value)

    assert record == Record(OffsetCommitKey("g", "t", 3), OffsetCommitValue(5, 7, "n", 1_000))


def test_an_offset_with_its_own_expiry_is_written_in_the_version_that_can_say_so() -> None:
    record = Record(OffsetCommitKey("g", "t", 3), OffsetCommitValue(5, -1, "", 1_000, 2_000))

    _, value = encode_record(record)

    assert value is not None and value[:2] == b"\x00\x01"


def test_types_that_we_do_not_know_are_ignored() -> None:
    legacy = b"\x00\x04\x00\x01g"
    future = b"\x7f\x00whatever"

    assert decode_record(legacy, b"\x00\x00") is None
    assert decode_record(future, None) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, b"\x00\x03"),
        (b"\x00", b"\x00\x03"),
        (b"\x00\x02\x00\x09g", None),
        (b"\x00\x02\x00\x01g", b"\x00"),
        (b"\x00\x02\x00\x01g", b"\x00\x03\x00"),
        (b"\x00\x02\x00\x01g", b"\x00\x63\x00"),
    ],
)
def test_damaged_records_are_refused(key: bytes | None, value: bytes | None) -> None:
    with pytest.raises(ProtocolError):
        decode_record(key, value)
