"""Records of KIP-848 groups in __consumer_offsets: types 3 and 5 to 8, and 16, Kafka 4.2."""

from dataclasses import dataclass
from typing import Any, ClassVar

from broker.coordinator.group.record_parts import (
    KeyOfGroup,
    KeyOfMember,
    TargetAssignmentMetadata,
    TargetTopics,
    TopicPartitions,
)
from broker.protocol.schema import ARRAY, BYTES, INT8, INT32, INT64, STRING, wire


class ConsumerGroupMetadataKey(KeyOfGroup):
    """A KIP-848 group."""

    TYPE: ClassVar[int] = 3
    __slots__ = ()


@dataclass(slots=True)
class ConsumerGroupMetadataValue:
    """The group's epoch, and a hash of the topics it was computed from (KIP-1101)."""

    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    epoch: int = wire(INT32)
    metadata_hash: int = wire(INT64, tag=0, tag_since=0)


class ConsumerGroupMemberMetadataKey(KeyOfMember):
    """What a member of a KIP-848 group said of itself."""

    TYPE: ClassVar[int] = 5
    __slots__ = ()


@dataclass(slots=True)
class ClassicProtocol:
    """One protocol that a classic member inside a KIP-848 group offers."""

    name: str = wire(STRING)
    metadata: bytes = wire(BYTES)


@dataclass(slots=True)
class ClassicMemberMetadata:
    """Present when a member of a KIP-848 group speaks the classic protocol."""

    session_timeout_ms: int = wire(INT32)
    supported_protocols: list[ClassicProtocol] = wire(ARRAY(ClassicProtocol))


@dataclass(slots=True)
class ConsumerGroupMemberMetadataValue:
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    instance_id: str | None = wire(STRING, nullable=0, default=None)
    rack_id: str | None = wire(STRING, nullable=0, default=None)
    client_id: str = wire(STRING)
    client_host: str = wire(STRING)
    subscribed_topic_names: list[str] = wire(ARRAY(STRING))
    subscribed_topic_regex: str | None = wire(STRING, nullable=0, default=None)
    rebalance_timeout_ms: int = wire(INT32, default=-1)
    server_assignor: str | None = wire(STRING, nullable=0, default=None)
    classic_member_metadata: ClassicMemberMetadata | None = wire(
        ClassicMemberMetadata, nullable=0, tag=0, tag_since=0
    )


class ConsumerGroupTargetAssignmentMetadataKey(KeyOfGroup):
    """For which group epoch the target assignment was computed."""

    TYPE: ClassVar[int] = 6
    __slots__ = ()


class ConsumerGroupTargetAssignmentMemberKey(KeyOfMember):
    """What a member shall own in the end."""

    TYPE: ClassVar[int] = 7
    __slots__ = ()


class ConsumerGroupCurrentMemberAssignmentKey(KeyOfMember):
    """What a member owns now."""

    TYPE: ClassVar[int] = 8
    __slots__ = ()


@dataclass(slots=True)
class ConsumerGroupCurrentMemberAssignmentValue:
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    member_epoch: int = wire(INT32)
    previous_member_epoch: int = wire(INT32)
    state: int = wire(INT8)
    assigned_partitions: list[TopicPartitions] = wire(ARRAY(TopicPartitions))
    partitions_pending_revocation: list[TopicPartitions] = wire(ARRAY(TopicPartitions))


@dataclass(frozen=True, slots=True)
class ConsumerGroupRegularExpressionKey:
    """Which topics a subscribed expression stood for."""

    TYPE: ClassVar[int] = 16
    FLEXIBLE_SINCE: ClassVar[int | None] = None
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    group_id: str = wire(STRING)
    regular_expression: str = wire(STRING)


@dataclass(slots=True)
class ConsumerGroupRegularExpressionValue:
    """`version` of the metadata and `timestamp` (ms) at which it was resolved."""

    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    topics: list[str] = wire(ARRAY(STRING))
    version: int = wire(INT64)
    timestamp: int = wire(INT64)


CONSUMER_TYPES: dict[int, tuple[type[Any], type[Any], int]] = {
    3: (ConsumerGroupMetadataKey, ConsumerGroupMetadataValue, 0),
    5: (ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue, 0),
    6: (ConsumerGroupTargetAssignmentMetadataKey, TargetAssignmentMetadata, 0),
    7: (ConsumerGroupTargetAssignmentMemberKey, TargetTopics, 0),
    8: (ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue, 0),
    16: (ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue, 0),
}
"""Type -> key, value, version of the value that we write."""
