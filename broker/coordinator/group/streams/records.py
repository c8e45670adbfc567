"""Records of streams groups in __consumer_offsets (KIP-1071): types 17, 19 to 23, Kafka 4.2."""

from dataclasses import dataclass
from typing import Any, ClassVar

from broker.coordinator.group.record_parts import KeyOfGroup, KeyOfMember, TargetAssignmentMetadata
from broker.protocol.schema import ARRAY, INT8, INT16, INT32, INT64, STRING, UINT16, wire


@dataclass(slots=True)
class KeyValue:
    key: str = wire(STRING)
    value: str = wire(STRING)


class StreamsGroupMetadataKey(KeyOfGroup):
    """A streams group."""

    TYPE: ClassVar[int] = 17
    __slots__ = ()


@dataclass(slots=True)
class StreamsGroupMetadataValue:
    """`validated_topology_epoch`: the topology whose topics are all there, -1: none."""

    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    epoch: int = wire(INT32)
    metadata_hash: int = wire(INT64)
    validated_topology_epoch: int = wire(INT32, tag=0, tag_since=0, default=-1)
    last_assignment_configs: list[KeyValue] | None = wire(
        ARRAY(KeyValue), nullable=0, tag=1, tag_since=0, default=None
    )


class StreamsGroupMemberMetadataKey(KeyOfMember):
    """What a member of a streams group said of itself."""

    TYPE: ClassVar[int] = 19
    __slots__ = ()


@dataclass(slots=True)
class Endpoint:
    host: str = wire(STRING)
    port: int = wire(UINT16)


@dataclass(slots=True)
class StreamsGroupMemberMetadataValue:
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    instance_id: str | None = wire(STRING, nullable=0, default=None)
    rack_id: str | None = wire(STRING, nullable=0, default=None)
    client_id: str = wire(STRING)
    client_host: str = wire(STRING)
    rebalance_timeout_ms: int = wire(INT32, default=-1)
    topology_epoch: int = wire(INT32)
    process_id: str = wire(STRING)
    user_endpoint: Endpoint | None = wire(Endpoint, nullable=0, default=None)
    client_tags: list[KeyValue] = wire(ARRAY(KeyValue))


class StreamsGroupTargetAssignmentMetadataKey(KeyOfGroup):
    """For which group epoch the target assignment was computed."""

    TYPE: ClassVar[int] = 20
    __slots__ = ()


@dataclass(slots=True)
class TaskIds:
    """Tasks of one subtopology."""

    subtopology_id: str = wire(STRING)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class OwnedTaskIds:
    """Tasks that a member has; of active ones also since which of its epochs."""

    subtopology_id: str = wire(STRING)
    partitions: list[int] = wire(ARRAY(INT32))
    assignment_epochs: list[int] | None = wire(
        ARRAY(INT32), nullable=0, tag=0, tag_since=0, default=None
    )


class StreamsGroupTargetAssignmentMemberKey(KeyOfMember):
    """The tasks a member shall have in the end."""

    TYPE: ClassVar[int] = 21
    __slots__ = ()


@dataclass(slots=True)
class StreamsGroupTargetAssignmentMemberValue:
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    active_tasks: list[TaskIds] = wire(ARRAY(TaskIds))
    standby_tasks: list[TaskIds] = wire(ARRAY(TaskIds))
    warmup_tasks: list[TaskIds] = wire(ARRAY(TaskIds))


class StreamsGroupCurrentMemberAssignmentKey(KeyOfMember):
    """The tasks a member has now."""

    TYPE: ClassVar[int] = 22
    __slots__ = ()


@dataclass(slots=True)
class StreamsGroupCurrentMemberAssignmentValue:
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    member_epoch: int = wire(INT32)
    previous_member_epoch: int = wire(INT32)
    state: int = wire(INT8)
    active_tasks: list[OwnedTaskIds] = wire(ARRAY(OwnedTaskIds))
    standby_tasks: list[OwnedTaskIds] = wire(ARRAY(OwnedTaskIds))
    warmup_tasks: list[OwnedTaskIds] = wire(ARRAY(OwnedTaskIds))
    active_tasks_pending_revocation: list[OwnedTaskIds] = wire(ARRAY(OwnedTaskIds))
    standby_tasks_pending_revocation: list[OwnedTaskIds] = wire(ARRAY(OwnedTaskIds))
    warmup_tasks_pending_revocation: list[OwnedTaskIds] = wire(ARRAY(OwnedTaskIds))


class StreamsGroupTopologyKey(KeyOfGroup):
    """What the application computes, from which topics."""

    TYPE: ClassVar[int] = 23
    __slots__ = ()


@dataclass(slots=True)
class TopicInfo:
    """An internal topic; 0 partitions or replicas: for the broker to decide."""

    name: str = wire(STRING)
    partitions: int = wire(INT32)
    replication_factor: int = wire(INT16)
    topic_configs: list[KeyValue] = wire(ARRAY(KeyValue))


@dataclass(slots=True)
class CopartitionGroup:
    """Topics with equally many partitions, as indexes into the lists of the subtopology."""

    source_topics: list[int] = wire(ARRAY(INT16))
    source_topic_regex: list[int] = wire(ARRAY(INT16))
    repartition_source_topics: list[int] = wire(ARRAY(INT16))


@dataclass(slots=True)
class Subtopology:
    subtopology_id: str = wire(STRING)
    source_topics: list[str] = wire(ARRAY(STRING))
    source_topic_regex: list[str] = wire(ARRAY(STRING))
    state_changelog_topics: list[TopicInfo] = wire(ARRAY(TopicInfo))
    repartition_sink_topics: list[str] = wire(ARRAY(STRING))
    repartition_source_topics: list[TopicInfo] = wire(ARRAY(TopicInfo))
    copartition_groups: list[CopartitionGroup] = wire(ARRAY(CopartitionGroup))


@dataclass(slots=True)
class StreamsGroupTopologyValue:
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    epoch: int = wire(INT32)
    subtopologies: list[Subtopology] = wire(ARRAY(Subtopology))


STREAMS_TYPES: dict[int, tuple[type[Any], type[Any], int]] = {
    17: (StreamsGroupMetadataKey, StreamsGroupMetadataValue, 0),
    19: (StreamsGroupMemberMetadataKey, StreamsGroupMemberMetadataValue, 0),
    20: (StreamsGroupTargetAssignmentMetadataKey, TargetAssignmentMetadata, 0),
    21: (StreamsGroupTargetAssignmentMemberKey, StreamsGroupTargetAssignmentMemberValue, 0),
    22: (StreamsGroupCurrentMemberAssignmentKey, StreamsGroupCurrentMemberAssignmentValue, 0),
    23: (StreamsGroupTopologyKey, StreamsGroupTopologyValue, 0),
}
"""Type -> key, value, version of the value that we write."""
