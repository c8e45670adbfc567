"""CreateTopics (API key 19): creates topics."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT8, INT16, INT32, STRING, UUID, wire


@dataclass(slots=True)
class CreatableReplicaAssignment:
    partition_index: int = wire(INT32)
    broker_ids: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class CreatableTopicConfig:
    name: str = wire(STRING)
    value: str | None = wire(STRING, nullable=0)


@dataclass(slots=True)
class CreatableTopic:
    name: str = wire(STRING)
    num_partitions: int = wire(INT32)
    replication_factor: int = wire(INT16)
    assignments: list[CreatableReplicaAssignment] = wire(ARRAY(CreatableReplicaAssignment))
    configs: list[CreatableTopicConfig] = wire(ARRAY(CreatableTopicConfig))


@dataclass(slots=True)
class CreateTopicsRequest:
    API_KEY: ClassVar = ApiKey.CREATE_TOPICS
    FLEXIBLE_SINCE: ClassVar[int | None] = 5
    VERSIONS: ClassVar = (2, 7)

    topics: list[CreatableTopic] = wire(ARRAY(CreatableTopic))
    timeout_ms: int = wire(INT32, default=60000)
    validate_only: bool = wire(BOOLEAN)


@dataclass(slots=True)
class CreatableTopicConfigs:
    name: str = wire(STRING, since=5)
    value: str | None = wire(STRING, since=5, nullable=5)
    read_only: bool = wire(BOOLEAN, since=5)
    config_source: int = wire(INT8, since=5, default=-1)
    is_sensitive: bool = wire(BOOLEAN, since=5)


@dataclass(slots=True)
class CreatableTopicResult:
    name: str = wire(STRING)
    topic_id: bytes = wire(UUID, since=7)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
    topic_config_error_code: int = wire(INT16, since=5, tag=0)
    num_partitions: int = wire(INT32, since=5, default=-1)
    replication_factor: int = wire(INT16, since=5, default=-1)
    configs: list[CreatableTopicConfigs] | None = wire(
        ARRAY(CreatableTopicConfigs), since=5, nullable=5
    )


@dataclass(slots=True)
class CreateTopicsResponse:
    API_KEY: ClassVar = ApiKey.CREATE_TOPICS
    FLEXIBLE_SINCE: ClassVar[int | None] = 5
    VERSIONS: ClassVar = (2, 7)

    throttle_time_ms: int = wire(INT32)
    topics: list[CreatableTopicResult] = wire(ARRAY(CreatableTopicResult))
