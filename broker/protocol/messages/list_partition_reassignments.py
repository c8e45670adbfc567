"""ListPartitionReassignments (API key 46): lists moves of partitions that are under way."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, STRING, wire


@dataclass(slots=True)
class ListPartitionReassignmentsTopics:
    name: str = wire(STRING)
    partition_indexes: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class ListPartitionReassignmentsRequest:
    API_KEY: ClassVar = ApiKey.LIST_PARTITION_REASSIGNMENTS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    timeout_ms: int = wire(INT32, default=60000)
    topics: list[ListPartitionReassignmentsTopics] | None = wire(
        ARRAY(ListPartitionReassignmentsTopics), nullable=0, default=None
    )


@dataclass(slots=True)
class OngoingPartitionReassignment:
    partition_index: int = wire(INT32)
    replicas: list[int] = wire(ARRAY(INT32))
    adding_replicas: list[int] = wire(ARRAY(INT32))
    removing_replicas: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class OngoingTopicReassignment:
    name: str = wire(STRING)
    partitions: list[OngoingPartitionReassignment] = wire(ARRAY(OngoingPartitionReassignment))


@dataclass(slots=True)
class ListPartitionReassignmentsResponse:
    API_KEY: ClassVar = ApiKey.LIST_PARTITION_REASSIGNMENTS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
    topics: list[OngoingTopicReassignment] = wire(ARRAY(OngoingTopicReassignment))
