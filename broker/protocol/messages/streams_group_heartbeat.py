"""StreamsGroupHeartbeat (API key 88): joins, keeps alive and leaves a streams group (KIP-1071)."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT8, INT16, INT32, INT64, STRING, UINT16, wire


@dataclass(slots=True)
class KeyValue:
    key: str = wire(STRING)
    value: str = wire(STRING)


@dataclass(slots=True)
class TopicInfo:
    name: str = wire(STRING)
    partitions: int = wire(INT32)
    replication_factor: int = wire(INT16)
    topic_configs: list[KeyValue] = wire(ARRAY(KeyValue))


@dataclass(slots=True)
class CopartitionGroup:
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
class Topology:
    epoch: int = wire(INT32)
    subtopologies: list[Subtopology] = wire(ARRAY(Subtopology))


@dataclass(slots=True)
class TaskIds:
    subtopology_id: str = wire(STRING)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class Endpoint:
    host: str = wire(STRING)
    port: int = wire(UINT16)


@dataclass(slots=True)
class TaskOffset:
    subtopology_id: str = wire(STRING)
    partition: int = wire(INT32)
    offset: int = wire(INT64)


@dataclass(slots=True)
class StreamsGroupHeartbeatRequest:
    API_KEY: ClassVar = ApiKey.STREAMS_GROUP_HEARTBEAT
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    group_id: str = wire(STRING)
    member_id: str = wire(STRING)
    member_epoch: int = wire(INT32)
    endpoint_information_epoch: int = wire(INT32)
    instance_id: str | None = wire(STRING, nullable=0, default=None)
    rack_id: str | None = wire(STRING, nullable=0, default=None)
    rebalance_timeout_ms: int = wire(INT32, default=-1)
    topology: Topology | None = wire(Topology, nullable=0)
    active_tasks: list[TaskIds] | None = wire(ARRAY(TaskIds), nullable=0, default=None)
    standby_tasks: list[TaskIds] | None = wire(ARRAY(TaskIds), nullable=0, default=None)
    warmup_tasks: list[TaskIds] | None = wire(ARRAY(TaskIds), nullable=0, default=None)
    process_id: str | None = wire(STRING, nullable=0, default=None)
    user_endpoint: Endpoint | None = wire(Endpoint, nullable=0)
    client_tags: list[KeyValue] | None = wire(ARRAY(KeyValue), nullable=0, default=None)
    task_offsets: list[TaskOffset] | None = wire(ARRAY(TaskOffset), nullable=0, default=None)
    task_end_offsets: list[TaskOffset] | None = wire(ARRAY(TaskOffset), nullable=0, default=None)
    shutdown_application: bool = wire(BOOLEAN)


@dataclass(slots=True)
class Status:
    status_code: int = wire(INT8)
    status_detail: str = wire(STRING)


@dataclass(slots=True)
class TopicPartition:
    topic: str = wire(STRING)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class EndpointToPartitions:
    user_endpoint: Endpoint = wire(Endpoint)
    active_partitions: list[TopicPartition] = wire(ARRAY(TopicPartition))
    standby_partitions: list[TopicPartition] = wire(ARRAY(TopicPartition))


@dataclass(slots=True)
class StreamsGroupHeartbeatResponse:
    API_KEY: ClassVar = ApiKey.STREAMS_GROUP_HEARTBEAT
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)
    member_id: str = wire(STRING)
    member_epoch: int = wire(INT32)
    heartbeat_interval_ms: int = wire(INT32)
    acceptable_recovery_lag: int = wire(INT32)
    task_offset_interval_ms: int = wire(INT32)
    status: list[Status] | None = wire(ARRAY(Status), nullable=0)
    active_tasks: list[TaskIds] | None = wire(ARRAY(TaskIds), nullable=0, default=None)
    standby_tasks: list[TaskIds] | None = wire(ARRAY(TaskIds), nullable=0, default=None)
    warmup_tasks: list[TaskIds] | None = wire(ARRAY(TaskIds), nullable=0, default=None)
    endpoint_information_epoch: int = wire(INT32)
    partitions_by_user_endpoint: list[EndpointToPartitions] | None = wire(
        ARRAY(EndpointToPartitions), nullable=0, default=None
    )
