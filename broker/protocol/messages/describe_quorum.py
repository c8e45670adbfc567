"""DescribeQuorum (API key 55): tells leader, voters and observers of the metadata log."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, INT64, STRING, UINT16, UUID, wire


@dataclass(slots=True)
class PartitionData:
    partition_index: int = wire(INT32)


@dataclass(slots=True)
class TopicData:
    topic_name: str = wire(STRING)
    partitions: list[PartitionData] = wire(ARRAY(PartitionData))


@dataclass(slots=True)
class DescribeQuorumRequest:
    API_KEY: ClassVar = ApiKey.DESCRIBE_QUORUM
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 2)

    topics: list[TopicData] = wire(ARRAY(TopicData))


@dataclass(slots=True)
class ReplicaState:
    replica_id: int = wire(INT32)
    replica_directory_id: bytes = wire(UUID, since=2)
    log_end_offset: int = wire(INT64)
    last_fetch_timestamp: int = wire(INT64, since=1, default=-1)
    last_caught_up_timestamp: int = wire(INT64, since=1, default=-1)


@dataclass(slots=True)
class PartitionDataResponse:
    partition_index: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, since=2, nullable=2)
    leader_id: int = wire(INT32)
    leader_epoch: int = wire(INT32)
    high_watermark: int = wire(INT64)
    current_voters: list[ReplicaState] = wire(ARRAY(ReplicaState))
    observers: list[ReplicaState] = wire(ARRAY(ReplicaState))


@dataclass(slots=True)
class TopicDataResponse:
    topic_name: str = wire(STRING)
    partitions: list[PartitionDataResponse] = wire(ARRAY(PartitionDataResponse))


@dataclass(slots=True)
class Listener:
    name: str = wire(STRING, since=2)
    host: str = wire(STRING, since=2)
    port: int = wire(UINT16, since=2)


@dataclass(slots=True)
class Node:
    node_id: int = wire(INT32, since=2)
    listeners: list[Listener] = wire(ARRAY(Listener), since=2)


@dataclass(slots=True)
class DescribeQuorumResponse:
    API_KEY: ClassVar = ApiKey.DESCRIBE_QUORUM
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 2)

    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, since=2, nullable=2)
    topics: list[TopicDataResponse] = wire(ARRAY(TopicDataResponse))
    nodes: list[Node] = wire(ARRAY(Node), since=2)
