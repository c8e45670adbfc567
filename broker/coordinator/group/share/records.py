"""Records of share groups in __consumer_offsets (KIP-932): types 10 to 15, as in Kafka 4.2."""

from dataclasses import dataclass
from typing import Any, ClassVar

from broker.coordinator.group.record_parts import (
    KeyOfGroup,
    KeyOfMember,
    TargetAssignmentMetadata,
    TargetTopics,
    TopicPartitions,
)
from broker.protocol.schema import ARRAY, INT8, INT32, INT64, STRING, UUID, wire


class ShareGroupMemberMetadataKey(KeyOfMember):
    """What a member of a share group said of itself."""

    TYPE: ClassVar[int] = 10
    __slots__ = ()


@dataclass(slots=True)
class ShareGroupMemberMetadataValue:
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    rack_id: str | None = wire(STRING, nullable=0, default=None)
    client_id: str = wire(STRING)
    client_host: str = wire(STRING)
    subscribed_topic_names: list[str] = wire(ARRAY(STRING))


class ShareGroupMetadataKey(KeyOfGroup):
    """A share group."""

    TYPE: ClassVar[int] = 11
    __slots__ = ()


@dataclass(slots=True)
class ShareGroupMetadataValue:
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    epoch: int = wire(INT32)
    metadata_hash: int = wire(INT64)


class ShareGroupTargetAssignmentMetadataKey(KeyOfGroup):
    """For which group epoch the target assignment was computed."""

    TYPE: ClassVar[int] = 12
    __slots__ = ()


class ShareGroupTargetAssignmentMemberKey(KeyOfMember):
    """What a member shall read."""

    TYPE: ClassVar[int] = 13
    __slots__ = ()


class ShareGroupCurrentMemberAssignmentKey(KeyOfMember):
    """What a member was told to read."""

    TYPE: ClassVar[int] = 14
    __slots__ = ()


@dataclass(slots=True)
class ShareGroupCurrentMemberAssignmentValue:
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    member_epoch: int = wire(INT32)
    previous_member_epoch: int = wire(INT32)
    state: int = wire(INT8)
    assigned_partitions: list[TopicPartitions] = wire(ARRAY(TopicPartitions))


class ShareGroupStatePartitionMetadataKey(KeyOfGroup):
    """Of which partitions the share coordinator keeps the state for a group."""

    TYPE: ClassVar[int] = 15
    __slots__ = ()


@dataclass(slots=True)
class TopicPartitionsInfo:
    """Partitions of one topic, with its name as it was."""

    topic_id: bytes = wire(UUID)
    topic_name: str = wire(STRING)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class TopicInfo:
    topic_id: bytes = wire(UUID)
    topic_name: str = wire(STRING)


@dataclass(slots=True)
class ShareGroupStatePartitionMetadataValue:
    """What is on its way is only in records of Apache Kafka: here both logs are of one process."""

    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    initializing_topics: list[TopicPartitionsInfo] = wire(ARRAY(TopicPartitionsInfo))
    initialized_topics: list[TopicPartitionsInfo] = wire(ARRAY(TopicPartitionsInfo))
    deleting_topics: list[TopicInfo] = wire(ARRAY(TopicInfo))


SHARE_TYPES: dict[int, tuple[type[Any], type[Any], int]] = {
    10: (ShareGroupMemberMetadataKey, ShareGroupMemberMetadataValue, 0),
    11: (ShareGroupMetadataKey, ShareGroupMetadataValue, 0),
    12: (ShareGroupTargetAssignmentMetadataKey, TargetAssignmentMetadata, 0),
    13: (ShareGroupTargetAssignmentMemberKey, TargetTopics, 0),
    14: (ShareGroupCurrentMemberAssignmentKey, ShareGroupCurrentMemberAssignmentValue, 0),
    15: (ShareGroupStatePartitionMetadataKey, ShareGroupStatePartitionMetadataValue, 0),
}
"""Type -> key, value, version of the value that we write."""
