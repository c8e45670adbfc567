"""ListOffsets (API key 2): finds offsets by timestamp, or the first and last of a partition."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT8, INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class ListOffsetsPartition:
    partition_index: int = wire(INT32)
    current_leader_epoch: int = wire(INT32, since=4, default=-1)
    timestamp: int = wire(INT64)


@dataclass(slots=True)
class ListOffsetsTopic:
    name: str = wire(STRING)
    partitions: list[ListOffsetsPartition] = wire(ARRAY(ListOffsetsPartition))


@dataclass(slots=True)
class ListOffsetsRequest:
    API_KEY: ClassVar = ApiKey.LIST_OFFSETS
    FLEXIBLE_SINCE: ClassVar[int | None] = 6
    VERSIONS: ClassVar = (1, 11)

    replica_id: int = wire(INT32)
    isolation_level: int = wire(INT8, since=2)
    topics: list[ListOffsetsTopic] = wire(ARRAY(ListOffsetsTopic))
    timeout_ms: int = wire(INT32, since=10)


@dataclass(slots=True)
class ListOffsetsPartitionResponse:
    partition_index: int = wire(INT32)
    error_code: int = wire(INT16)
    timestamp: int = wire(INT64, default=-1)
    offset: int = wire(INT64, default=-1)
    leader_epoch: int = wire(INT32, since=4, default=-1)


@dataclass(slots=True)
class ListOffsetsTopicResponse:
    name: str = wire(STRING)
    partitions: list[ListOffsetsPartitionResponse] = wire(ARRAY(ListOffsetsPartitionResponse))


@dataclass(slots=True)
class ListOffsetsResponse:
    API_KEY: ClassVar = ApiKey.LIST_OFFSETS
    FLEXIBLE_SINCE: ClassVar[int | None] = 6
    VERSIONS: ClassVar = (1, 11)

    throttle_time_ms: int = wire(INT32, since=2)
    topics: list[ListOffsetsTopicResponse] = wire(ARRAY(ListOffsetsTopicResponse))
