"""StreamsGroupDescribe (API key 89): tells state, topology and tasks of streams groups."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT16, INT32, INT64, STRING, UINT16, wire


@dataclass(slots=True)
class StreamsGroupDescribeRequest:
    API_KEY: ClassVar = ApiKey.STREAMS_GROUP_DESCRIBE
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    group_ids: list[str] = wire(ARRAY(STRING))
    include_authorized_operations: bool = wire(BOOLEAN)


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
class Subtopology:
    subtopology_id: str = wire(STRING)
    source_topics: list[str] = wire(ARRAY(STRING))
    repartition_sink_topics: list[str] = wire(ARRAY(STRING))
    state_changelog_topics: list[TopicInfo] = wire(ARRAY(TopicInfo))
    repartition_source_topics: list[TopicInfo] = wire(ARRAY(TopicInfo))


@dataclass(slots=True)
class Topology:
    epoch: int = wire(INT32)
    subtopologies: list[Subtopology] | None = wire(ARRAY(Subtopology), nullable=0, default=None)


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
class TaskIds:
    subtopology_id: str = wire(STRING)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class Assignment:
    active_tasks: list[TaskIds] = wire(ARRAY(TaskIds))
    standby_tasks: list[TaskIds] = wire(ARRAY(TaskIds))
    warmup_tasks: list[TaskIds] = wire(ARRAY(TaskIds))


@dataclass(slots=True)
class Member:
    member_id: str = wire(STRING)
    member_epoch: int = wire(INT32)
    instance_id: str | None = wire(STRING, nullable=0, default=None)
    rack_id: str | None = wire(STRING, nullable=0, default=None)
    client_id: str = wire(STRING)
    client_host: str = wire(STRING)
    topology_epoch: int = wire(INT32)
    process_id: str = wire(STRING)
    user_endpoint: Endpoint | None = wire(Endpoint, nullable=0)
    client_tags: list[KeyValue] = wire(ARRAY(KeyValue))
    task_offsets: list[TaskOffset] = wire(ARRAY(TaskOffset))
    task_end_offsets: list[TaskOffset] = wire(ARRAY(TaskOffset))
    assignment: Assignment = wire(Assignment)
    target_assignment: Assignment = wire(Assignment)
    is_classic: bool = wire(BOOLEAN)


@dataclass(slots=True)
class DescribedGroup:
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)
    group_id: str = wire(STRING)
    group_state: str = wire(STRING)
    group_epoch: int = wire(INT32)
    assignment_epoch: int = wire(INT32)
    topology: Topology | None = wire(Topology, nullable=0)
    members: list[Member] = wire(ARRAY(Member))
    authorized_operations: int = wire(INT32, default=-2147483648)


@dataclass(slots=True)
class StreamsGroupDescribeResponse:
    API_KEY: ClassVar = ApiKey.STREAMS_GROUP_DESCRIBE
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    throttle_time_ms: int = wire(INT32)
    groups: list[DescribedGroup] = wire(ARRAY(DescribedGroup))
