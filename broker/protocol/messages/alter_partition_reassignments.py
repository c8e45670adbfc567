"""AlterPartitionReassignments (API key 45): starts or cancels moves of partitions."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT16, INT32, STRING, wire


@dataclass(slots=True)
class ReassignablePartition:
    partition_index: int = wire(INT32)
    replicas: list[int] | None = wire(ARRAY(INT32), nullable=0, default=None)


@dataclass(slots=True)
class ReassignableTopic:
    name: str = wire(STRING)
    partitions: list[ReassignablePartition] = wire(ARRAY(ReassignablePartition))


@dataclass(slots=True)
class AlterPartitionReassignmentsRequest:
    API_KEY: ClassVar = ApiKey.ALTER_PARTITION_REASSIGNMENTS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    timeout_ms: int = wire(INT32, default=60000)
    allow_replication_factor_change: bool = wire(BOOLEAN, since=1, default=True)
    topics: list[ReassignableTopic] = wire(ARRAY(ReassignableTopic))


@dataclass(slots=True)
class ReassignablePartitionResponse:
    partition_index: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)


@dataclass(slots=True)
class ReassignableTopicResponse:
    name: str = wire(STRING)
    partitions: list[ReassignablePartitionResponse] = wire(ARRAY(ReassignablePartitionResponse))


@dataclass(slots=True)
class AlterPartitionReassignmentsResponse:
    API_KEY: ClassVar = ApiKey.ALTER_PARTITION_REASSIGNMENTS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    throttle_time_ms: int = wire(INT32)
    allow_replication_factor_change: bool = wire(BOOLEAN, since=1, default=True)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
    responses: list[ReassignableTopicResponse] = wire(ARRAY(ReassignableTopicResponse))
