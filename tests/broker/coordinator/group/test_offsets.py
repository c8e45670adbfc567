"""Committed offsets: transactions, expiry, and who may commit, fetch and delete."""

import struct

import pytest

from broker.coordinator.group import offset_rules
from broker.coordinator.group.asking import Moment
from broker.coordinator.group.classic.group import ClassicGroup
from broker.coordinator.group.classic.member import Protocol
from broker.coordinator.group.classic.messages import MemberIdentity
from broker.coordinator.group.classic.records import GroupMetadataKey
from broker.coordinator.group.consumer.group import ConsumerGroup, ConsumerMember
from broker.coordinator.group.consumer.records import ClassicMemberMetadata
from broker.coordinator.group.offset_messages import OffsetCommit, OffsetFetch, OffsetToCommit
from broker.coordinator.group.offset_records import OffsetCommitKey, OffsetCommitValue
from broker.coordinator.group.offsets import OffsetStore, TopicPartition
from broker.coordinator.group.record_parts import Record
from broker.coordinator.group.share.group import ShareGroup
from broker.errors import ErrorCode, KafkaError
from tests.support.classic_group_driver import GroupDriver

DAY_MS = 86_400_000
NOW = Moment(0.0, 10 * DAY_MS)
HERE = TopicPartition("t", 0)


def put(offsets: OffsetStore, offset: int, producer_id: int = -1, at_ms: int = 0) -> None:
    value = OffsetCommitValue(offset, -1, "", at_ms)
    offsets.apply(OffsetCommitKey("g", *HERE), value, producer_id)


def committed(offsets: OffsetStore) -> int | None:
    found = offsets.get("g", *HERE)
    return None if found is None else found.offset


def commit(generation: int = -1, member_id: str = "", **options: object) -> OffsetCommit:
    offset = OffsetToCommit("t", 0, 42, -1, "")
    return OffsetCommit("g", generation, member_id, None, (offset,), **options)  # type: ignore[arg-type]


def refusal(group: ClassicGroup[str] | None, request: OffsetCommit) -> ErrorCode:
    try:
        offset_rules.validate_commit(group, request, NOW)
    except KafkaError as error:
        return error.code
    return ErrorCode.NONE


def test_offsets_of_a_transaction_count_when_it_commits() -> None:
    offsets = OffsetStore()
    put(offsets, 1)
    put(offsets, 2, producer_id=7)

    before = committed(offsets)
    offsets.end_transaction(7, committed=True)

    assert (before, committed(offsets)) == (1, 2)
    assert not offsets.is_unstable("g", *HERE)


def test_offsets_of_an_aborted_transaction_never_were() -> None:
    offsets = OffsetStore()
    put(offsets, 1)
    put(offsets, 2, producer_id=7)

    offsets.end_transaction(7, committed=False)

    assert committed(offsets) == 1


def test_a_later_plain_commit_wins_over_an_earlier_transaction() -> None:
    offsets = OffsetStore()
    put(offsets, 1, producer_id=7)
    put(offsets, 2)

    offsets.end_transaction(7, committed=True)

    assert committed(offsets) == 2


def test_a_stable_fetch_is_refused_while_a_transaction_is_open() -> None:
    offsets = OffsetStore()
    put(offsets, 1)
    put(offsets, 2, producer_id=7)

    (stable,) = offset_rules.fetch_offsets(offsets, OffsetFetch("g", (HERE,), True))
    (plain,) = offset_rules.fetch_offsets(offsets, OffsetFetch("g", (HERE,), False))

    assert stable.error is ErrorCode.UNSTABLE_OFFSET_COMMIT
    assert (plain.error, plain.offset) == (ErrorCode.NONE, 1)


def test_fetching_everything_leaves_out_what_was_never_committed() -> None:
    offsets = OffsetStore()
    put(offsets, 1)

    everything = offset_rules.fetch_offsets(offsets, OffsetFetch("g", None))
    nothing = offset_rules.fetch_offsets(offsets, OffsetFetch("other", None))
    asked = offset_rules.fetch_offsets(offsets, OffsetFetch("other", (HERE,)))

    assert [found.where for found in everything] == [HERE]
    assert nothing == []
    assert [(found.offset, found.leader_epoch, found.error) for found in asked] == [(-1, -1, 0)]


def test_a_simple_consumer_commits_to_a_group_nobody_is_in() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")

    unknown = refusal(None, commit())
    with_members = refusal(driver.group, commit())
    driver.leave(MemberIdentity(ids["a"]))
    empty = refusal(driver.group, commit())

    assert unknown is ErrorCode.NONE
    assert with_members is ErrorCode.UNKNOWN_MEMBER_ID
    assert empty is ErrorCode.NONE


def test_a_member_commits_in_its_generation_only() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")
    generation = driver.group.generation

    outcomes = [
        refusal(driver.group, commit(generation, ids["a"])),
        refusal(driver.group, commit(generation - 1, ids["a"])),
        refusal(driver.group, commit(generation, "x")),
        refusal(None, commit(0, "x")),
    ]

    assert outcomes == [
        ErrorCode.NONE,
        ErrorCode.ILLEGAL_GENERATION,
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.ILLEGAL_GENERATION,
    ]


def test_a_producer_that_names_no_member_commits_in_its_transaction_beside_the_members() -> None:
    """As producers older than KIP-447 do; who names anything is looked at (Kafka's words)."""
    group = ConsumerGroup("g")
    group.members["a"] = ConsumerMember("a")
    nobody, static = None, "instance"
    refused = [
        OffsetCommit("g", -1, "", static, (), producer=(7, 0)),
        OffsetCommit("g", -1, "x", nobody, (), producer=(7, 0)),
        OffsetCommit("g", -2, "", nobody, (), producer=(7, 0)),
        OffsetCommit("g", -1, "", nobody, (), api_version=9),
    ]

    offset_rules.validate_commit(group, commit(producer=(7, 0)), NOW)
    for request in refused:
        with pytest.raises(KafkaError) as refusal:
            offset_rules.validate_commit(group, request, NOW)

        assert refusal.value.code is ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.parametrize(("retention_ms", "expires"), [(-1, -1), (0, 0), (5, 5)])
def test_a_commit_says_how_long_it_is_kept(retention_ms: int, expires: int) -> None:
    """As OffsetCommit up to version 4 does; -1: as the broker's settings say."""
    (record,), _ = offset_rules.commit_offsets(
        commit(retention_ms=retention_ms), lambda at: True, 100, NOW
    )

    expected = -1 if expires < 0 else NOW.wall_ms + expires
    assert isinstance(record.value, OffsetCommitValue)
    assert record.value.expire_timestamp == expected


def test_of_a_group_that_is_no_consumer_s_offsets_go_only_without_members() -> None:
    """Connect's workers, say, subscribe to no topics that one could spare."""
    driver = GroupDriver()
    driver.settle("a")
    driver.group.protocol_type = "connect"

    with pytest.raises(KafkaError) as used:
        offset_rules.delete_offsets(driver.group, OffsetStore(), "g", [HERE], lambda at: True)

    assert used.value.code is ErrorCode.NON_EMPTY_GROUP


def test_a_share_group_has_no_offsets_to_commit_or_delete() -> None:
    group = ShareGroup("g")

    with pytest.raises(KafkaError) as deleted:
        offset_rules.delete_offsets(group, OffsetStore(), "g", [HERE], lambda at: True)
    with pytest.raises(KafkaError) as committed_to:
        offset_rules.validate_commit(group, commit(), NOW)

    assert deleted.value.code is committed_to.value.code is ErrorCode.GROUP_ID_NOT_FOUND


def test_a_member_may_still_commit_while_others_join() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")
    driver.join("b", version=3)

    preparing = refusal(driver.group, commit(driver.group.generation, ids["a"]))
    driver.join("a", ids["a"])
    completing = refusal(driver.group, commit(driver.group.generation, ids["a"]))

    assert preparing is ErrorCode.NONE
    assert completing is ErrorCode.REBALANCE_IN_PROGRESS


def test_an_offset_is_refused_alone_when_its_partition_or_note_is_wrong() -> None:
    request = OffsetCommit(
        "g",
        -1,
        "",
        None,
        (
            OffsetToCommit("t", 0, 1, -1, "four"),
            OffsetToCommit("t", 9, 1, -1, ""),
            OffsetToCommit("t", 1, 1, -1, "fünf"),  # five bytes
        ),
    )

    records, errors = offset_rules.commit_offsets(request, lambda at: at.partition < 9, 4, NOW)

    assert [record.key.partition for record in records] == [0]
    assert errors == [
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.OFFSET_METADATA_TOO_LARGE,
    ]


def test_the_clients_own_retention_is_written_down() -> None:
    request = commit(retention_ms=500)

    records, _ = offset_rules.commit_offsets(request, lambda at: True, 4096, NOW)

    assert records[0].value.expire_timestamp == NOW.wall_ms + 500


def test_offsets_stay_as_long_as_the_group_has_members() -> None:
    """KIP-211: the age of the commit does not matter."""
    driver = GroupDriver()
    driver.settle("a")
    offsets = OffsetStore()
    put(offsets, 1, at_ms=0)

    records = offset_rules.expire_offsets(driver.group, offsets, 10**15, DAY_MS)

    assert records == []


def test_offsets_of_an_empty_group_go_one_retention_after_it_became_empty() -> None:
    driver = GroupDriver()
    ids = driver.settle("a")
    driver.leave(MemberIdentity(ids["a"]))
    emptied_ms = driver.group.state_changed_at_ms
    offsets = OffsetStore()
    put(offsets, 1, at_ms=0)

    early = offset_rules.expire_offsets(driver.group, offsets, emptied_ms + DAY_MS - 1, DAY_MS)
    late = offset_rules.expire_offsets(driver.group, offsets, emptied_ms + DAY_MS, DAY_MS)

    assert early == []
    assert late == [
        Record(OffsetCommitKey("g", *HERE), None),
        Record(GroupMetadataKey("g"), None),
    ]


def test_offsets_of_a_simple_group_go_one_retention_after_their_commit() -> None:
    offsets = OffsetStore()
    put(offsets, 1, at_ms=1_000)
    group: ClassicGroup[str] = ClassicGroup("g")

    early = offset_rules.expire_offsets(group, offsets, 1_000 + DAY_MS - 1, DAY_MS)
    late = offset_rules.expire_offsets(group, offsets, 1_000 + DAY_MS, DAY_MS)

    assert early == []
    assert Record(OffsetCommitKey("g", *HERE), None) in late


def test_pending_offsets_do_not_expire() -> None:
    offsets = OffsetStore()
    put(offsets, 1, at_ms=0)
    put(offsets, 2, producer_id=7, at_ms=0)

    records = offset_rules.expire_offsets(ClassicGroup[str]("g"), offsets, 10**15, DAY_MS)

    assert records == []


def subscription(*topics: str) -> bytes:
    """ConsumerProtocolSubscription v0 by hand: version, topics, no user data."""
    names = b"".join(struct.pack(">h", len(topic)) + topic.encode() for topic in topics)
    return struct.pack(">hi", 0, len(topics)) + names + struct.pack(">i", -1)


def test_offsets_of_topics_in_use_cannot_be_deleted() -> None:
    driver = GroupDriver()
    member_id = driver.admit("a", protocols=(Protocol("range", subscription("t")),))
    driver.sync("a", member_id, {member_id: b"A"})
    offsets = OffsetStore()
    put(offsets, 1)
    unused = TopicPartition("unused", 0)
    offsets.apply(OffsetCommitKey("g", *unused), OffsetCommitValue(3))

    records, errors = offset_rules.delete_offsets(
        driver.group, offsets, "g", [HERE, unused], lambda at: True
    )

    assert errors == [ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC, ErrorCode.NONE]
    assert records == [Record(OffsetCommitKey("g", *unused), None)]


def test_topics_are_read_from_subscriptions_shorter_than_their_version() -> None:
    driver = GroupDriver()
    cut_off = b"\x00\x01" + subscription("t")[2:]  # version 1 without the partitions owned
    driver.admit("a", protocols=(Protocol("range", cut_off),))
    offsets = OffsetStore()
    unused = TopicPartition("unused", 0)

    _, errors = offset_rules.delete_offsets(
        driver.group, offsets, "g", [HERE, unused], lambda at: True
    )

    assert errors == [ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC, ErrorCode.NONE]


def test_offsets_of_a_topic_that_members_no_longer_read_expire() -> None:
    driver = GroupDriver()
    member_id = driver.admit("a", protocols=(Protocol("range", subscription("t")),))
    driver.sync("a", member_id, {member_id: b"A"})
    offsets = OffsetStore()
    put(offsets, 1, at_ms=0)
    offsets.apply(OffsetCommitKey("g", "unused", 0), OffsetCommitValue(3, -1, "", 0))

    records = offset_rules.expire_offsets(driver.group, offsets, 10**15, DAY_MS)

    assert records == [Record(OffsetCommitKey("g", "unused", 0), None)]


def test_a_group_with_members_cannot_be_deleted() -> None:
    driver = GroupDriver()
    driver.settle("a")

    with pytest.raises(KafkaError) as used:
        offset_rules.delete_group(driver.group, OffsetStore(), "g")
    with pytest.raises(KafkaError) as unknown:
        offset_rules.delete_group(None, OffsetStore(), "g")

    assert used.value.code is ErrorCode.NON_EMPTY_GROUP
    assert unknown.value.code is ErrorCode.GROUP_ID_NOT_FOUND


def test_a_deleted_group_takes_pending_offsets_along() -> None:
    offsets = OffsetStore()
    put(offsets, 1, producer_id=7)

    records = offset_rules.delete_group(ClassicGroup[str]("g"), offsets, "g")
    offsets.apply(records[0].key, None)
    offsets.end_transaction(7, committed=True)

    assert committed(offsets) is None


def test_a_deleted_topic_takes_its_offsets_along() -> None:
    offsets = OffsetStore()
    put(offsets, 1)
    offsets.apply(OffsetCommitKey("h", "t", 1), OffsetCommitValue(1))
    offsets.apply(OffsetCommitKey("h", "other", 1), OffsetCommitValue(1))

    records = offsets.topic_tombstones("t")

    assert records == [
        Record(OffsetCommitKey("g", "t", 0), None),
        Record(OffsetCommitKey("h", "t", 1), None),
    ]


@pytest.mark.parametrize(
    ("classic", "code"),
    [
        (None, ErrorCode.STALE_MEMBER_EPOCH),
        (ClassicMemberMetadata(10_000, []), ErrorCode.ILLEGAL_GENERATION),
    ],
)
def test_a_wrong_epoch_is_told_in_the_words_of_the_member_s_protocol(
    classic: ClassicMemberMetadata | None, code: ErrorCode
) -> None:
    group = ConsumerGroup("g")
    group.members["a"] = ConsumerMember("a", classic=classic)
    wanted = (TopicPartition("t", 0),)

    with pytest.raises(KafkaError) as fetched:
        offset_rules.validate_fetch(group, OffsetFetch("g", wanted, member_id="a", member_epoch=7))
    with pytest.raises(KafkaError) as committed:
        offset_rules.validate_commit(group, OffsetCommit("g", 7, "a", None, (), api_version=9), NOW)

    assert fetched.value.code is committed.value.code is code
