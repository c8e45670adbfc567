"""Who may commit, read and delete offsets, and when they go by themselves: pure decisions.

Rules and their order are Kafka's (KIP-211, KIP-447, KIP-496).
"""

from collections.abc import Callable, Iterable
from typing import Any

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.classic.consumer_protocol import (
    CONSUMER_PROTOCOL_TYPE,
    decode_subscription,
)
from broker.coordinator.group.classic.group import ClassicGroup, ClassicState
from broker.coordinator.group.classic.rebalance import touch
from broker.coordinator.group.consumer.group import (
    ConsumerGroup,
    ConsumerGroupState,
    ConsumerMember,
)
from broker.coordinator.group.offset_messages import (
    FetchedOffset,
    OffsetCommit,
    OffsetFetch,
    OffsetToCommit,
)
from broker.coordinator.group.offset_records import OffsetCommitKey, OffsetCommitValue
from broker.coordinator.group.offsets import NO_EXPIRY, OffsetStore, TopicPartition, tombstone
from broker.coordinator.group.record_parts import Record
from broker.coordinator.group.share.group import ShareGroup, ShareGroupState
from broker.coordinator.group.streams.group import StreamsGroup, StreamsGroupState
from broker.coordinator.group.streams.offsets import validate_streams_commit, validate_streams_fetch
from broker.errors import ErrorCode, KafkaError

Group = ClassicGroup[Any] | ConsumerGroup | ShareGroup | StreamsGroup

_EMPTY = (
    ClassicState.EMPTY,
    ConsumerGroupState.EMPTY,
    ShareGroupState.EMPTY,
    StreamsGroupState.EMPTY,
)
_MEMBER_EPOCHS_SINCE = 9  # version of OffsetCommit

PartitionCheck = Callable[[TopicPartition], bool]
"""Whether a partition exists."""


def validate_commit(group: Group | None, commit: OffsetCommit, now: Moment) -> None:
    """Raises KafkaError unless the member may commit now; its session starts anew."""
    if group is None:
        if commit.generation >= 0:
            is_new = not commit.is_transactional and commit.api_version >= _MEMBER_EPOCHS_SINCE
            raise KafkaError(
                ErrorCode.GROUP_ID_NOT_FOUND if is_new else ErrorCode.ILLEGAL_GENERATION,
                f"generation {commit.generation} of an unknown group",
            )
        return  # a simple consumer, or an administrator, makes the group by committing
    if isinstance(group, ShareGroup):
        raise _has_no_offsets(group)
    if isinstance(group, StreamsGroup):
        validate_streams_commit(group, commit)
    elif isinstance(group, ConsumerGroup):
        _validate_consumer_commit(group, commit)
    else:
        _validate_classic_commit(group, commit, now)


def _validate_consumer_commit(group: ConsumerGroup, commit: OffsetCommit) -> None:
    if commit.generation < 0 and not group.members:
        return
    is_named = bool(commit.member_id) or commit.group_instance_id is not None
    if commit.is_transactional and commit.generation == -1 and not is_named:
        return  # transactions up to v2 do not say who they are; the producer's epoch fences them
    member = _consumer_member(group, commit.member_id)
    knows_epochs = commit.is_transactional or commit.api_version >= _MEMBER_EPOCHS_SINCE
    if member.classic is None and not knows_epochs:
        raise KafkaError(
            ErrorCode.UNSUPPORTED_VERSION,
            f"OffsetCommit v{commit.api_version} does not know member epochs",
        )
    _validate_epoch(member, commit.generation)


def _has_no_offsets(group: ShareGroup) -> KafkaError:
    return KafkaError(
        ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group.group_id} is a share group: it commits nothing"
    )


def validate_fetch(group: Group | None, fetch: OffsetFetch) -> None:
    """From v9 on a KIP-848 member says who it is, and must be right about it."""
    if fetch.member_id is None and fetch.member_epoch < 0:
        return
    if isinstance(group, StreamsGroup):
        validate_streams_fetch(group, fetch)
    if isinstance(group, ConsumerGroup):
        _validate_epoch(_consumer_member(group, fetch.member_id or ""), fetch.member_epoch)


def _consumer_member(group: ConsumerGroup, member_id: str) -> ConsumerMember:
    member = group.members.get(member_id)
    if member is None:
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"no member {member_id!r}")
    return member


def _validate_epoch(member: ConsumerMember, epoch: int) -> None:
    """Each protocol has its word for it: members may speak the classic one (online migration)."""
    if epoch != member.owns.epoch:
        raise KafkaError(
            ErrorCode.STALE_MEMBER_EPOCH
            if member.classic is None
            else ErrorCode.ILLEGAL_GENERATION,
            f"member epoch {epoch} is not {member.owns.epoch}",
        )


def _validate_classic_commit(group: ClassicGroup[Any], commit: OffsetCommit, now: Moment) -> None:
    is_empty = group.state is ClassicState.EMPTY
    if commit.generation < 0 and is_empty:
        return
    is_named = bool(commit.member_id) or commit.group_instance_id is not None
    if commit.generation < 0 and not is_named:
        # Transactions up to v2 do not say who they are; the producer's epoch fences them.
        if commit.is_transactional:
            return
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"group is {group.state}, not Empty")
    member = group.validate_member(commit.member_id, commit.group_instance_id)
    group.validate_generation(commit.generation)
    if commit.is_transactional:
        return
    if group.state is ClassicState.COMPLETING_REBALANCE:
        raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS, "the assignment is not known yet")
    touch(group, member, now)


def commit_offsets(
    commit: OffsetCommit, exists: PartitionCheck, metadata_bytes_max: int, now: Moment
) -> tuple[list[Record], list[ErrorCode]]:
    """Records for the offsets that can be committed, and an outcome for each one asked for."""
    records, errors = [], []
    for offset in commit.offsets:
        error = _offset_error(offset, exists, metadata_bytes_max)
        errors.append(error)
        if error is ErrorCode.NONE:
            records.append(_offset_record(commit, offset, now))
    return records, errors


def _offset_error(
    offset: OffsetToCommit, exists: PartitionCheck, metadata_bytes_max: int
) -> ErrorCode:
    if not exists(offset.where):
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    if len(offset.metadata.encode()) > metadata_bytes_max:
        return ErrorCode.OFFSET_METADATA_TOO_LARGE
    return ErrorCode.NONE


def _offset_record(commit: OffsetCommit, offset: OffsetToCommit, now: Moment) -> Record:
    expires = NO_EXPIRY if commit.retention_ms < 0 else now.wall_ms + commit.retention_ms
    value = OffsetCommitValue(
        offset=offset.offset,
        leader_epoch=offset.leader_epoch,
        metadata=offset.metadata,
        commit_timestamp=now.wall_ms,
        expire_timestamp=expires,
        topic_id=offset.topic_id,
    )
    return Record(OffsetCommitKey(commit.group_id, offset.topic, offset.partition), value)


def fetch_offsets(offsets: OffsetStore, fetch: OffsetFetch) -> list[FetchedOffset]:
    """What is committed; UNSTABLE_OFFSET_COMMIT where a transaction may change it (KIP-447)."""
    wanted: Iterable[TopicPartition] = (
        offsets.of_group(fetch.group_id) if fetch.wanted is None else fetch.wanted
    )
    return [_fetch_one(offsets, fetch, where) for where in wanted]


def _fetch_one(offsets: OffsetStore, fetch: OffsetFetch, where: TopicPartition) -> FetchedOffset:
    if fetch.require_stable and offsets.is_unstable(fetch.group_id, *where):
        return FetchedOffset(where, error=ErrorCode.UNSTABLE_OFFSET_COMMIT)
    known = offsets.get(fetch.group_id, *where)
    if known is None:
        return FetchedOffset(where)
    return FetchedOffset(where, known.offset, known.leader_epoch, known.metadata)


def delete_offsets(
    group: Group | None,
    offsets: OffsetStore,
    group_id: str,
    wanted: Iterable[TopicPartition],
    exists: PartitionCheck,
) -> tuple[list[Record], list[ErrorCode]]:
    """Tombstones, and an outcome for each partition: never for a topic that members still read."""
    if group is None:
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"no group {group_id!r}")
    if isinstance(group, ShareGroup):
        raise _has_no_offsets(group)
    reads_topics = isinstance(group, ConsumerGroup | StreamsGroup) or (
        group.protocol_type == CONSUMER_PROTOCOL_TYPE
    )
    if group.members and not reads_topics:
        raise KafkaError(ErrorCode.NON_EMPTY_GROUP, f"group {group_id!r} has members")
    has_readers = bool(group.members) or isinstance(group, ClassicGroup)
    subscribed = subscribed_topics(group) if has_readers else frozenset()
    records, errors = [], []
    for where in wanted:
        error = ErrorCode.NONE
        if not exists(where):
            error = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        elif reads_topics if subscribed is None else where.topic in subscribed:
            error = ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC
        elif offsets.get(group_id, *where) is not None:
            records.append(tombstone(group_id, where))
        errors.append(error)
    return records, errors


def delete_group(group: Group | None, offsets: OffsetStore, group_id: str) -> list[Record]:
    """Tombstones for the group and all it has committed; refused while it has members."""
    if group is None:
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"no group {group_id!r}")
    if group.state not in _EMPTY:
        raise KafkaError(ErrorCode.NON_EMPTY_GROUP, f"group {group_id!r} is {group.state}")
    return [*offsets.tombstones(group_id), *group.tombstones()]


def expire_offsets(
    group: Group, offsets: OffsetStore, now_ms: int, retention_ms: int
) -> list[Record]:
    """Tombstones for what is over, and for the group itself once it is empty and has nothing left.

    A group keeps its offsets while it has members, however old its commits (KIP-211): time counts
    from when it became empty. Topics that no member subscribes any more count from their commits.
    """
    if isinstance(group, ShareGroup):
        return []  # it stays until it is deleted
    group_id = group.group_id
    committed = offsets.of_group(group_id)
    late: list[TopicPartition] = []
    if group.state in _EMPTY:
        late = offsets.expired(group_id, now_ms, retention_ms, _empty_since_ms(group))
    elif group.state is ClassicState.STABLE or isinstance(group, ConsumerGroup | StreamsGroup):
        subscribed = subscribed_topics(group)
        if subscribed is not None:
            expired = offsets.expired(group_id, now_ms, retention_ms, None)
            late = [where for where in expired if where.topic not in subscribed]
    records = [tombstone(group_id, where) for where in late]
    nothing_left = len(late) == len(committed) and not offsets.has_pending(group_id)
    joining = isinstance(group, ClassicGroup) and bool(group.pending_members)
    if nothing_left and group.state in _EMPTY and not joining:
        records.extend(group.tombstones())
    return records


def _empty_since_ms(group: Group) -> int | None:
    """When the group became empty; None where nothing says so, then each commit counts."""
    if not isinstance(group, ClassicGroup) or group.protocol_type is None:
        return None
    return group.state_changed_at_ms if group.state_changed_at_ms >= 0 else None


def subscribed_topics(
    group: ClassicGroup[Any] | ConsumerGroup | StreamsGroup,
) -> frozenset[str] | None:
    """Topics that some member wants, in a classic group some member of the newest generation;
    None when that cannot be told from outside.

    Classic subscriptions are read as version 0, with which every other begins: clients exist that
    name a later one and leave out what it adds. Apache Kafka reads them like this.
    """
    if isinstance(group, ConsumerGroup | StreamsGroup):
        return group.subscribed_topics()
    if group.protocol_type != CONSUMER_PROTOCOL_TYPE or group.subscriptions is None:
        return None
    topics: set[str] = set()
    for metadata in group.subscriptions:
        subscription = decode_subscription(metadata, newest=0)
        if subscription is None:
            return None
        topics.update(subscription.topics)
    return frozenset(topics)
