"""DescribeTopicPartitions (API key 75): tells partitions of topics page by page (KIP-966)."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT16, INT32, STRING, UUID, wire


@dataclass(slots=True)
class TopicRequest:
    name: str = wire(STRING)


@dataclass(slots=True)
class Cursor:
    topic_name: str = wire(STRING)
    partition_index: int = wire(INT32)


@dataclass(slots=True)
class DescribeTopicPartitionsRequest:
    API_KEY: ClassVar = ApiKey.DESCRIBE_TOPIC_PARTITIONS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    topics: list[TopicRequest] = wire(ARRAY(TopicRequest))
    response_partition_limit: int = wire(INT32, default=2000)
    cursor: Cursor | None = wire(Cursor, nullable=0)


@dataclass(slots=True)
class DescribeTopicPartitionsResponsePartition:
    error_code: int = wire(INT16)
    partition_index: int = wire(INT32)
    leader_id: int = wire(INT32)
    leader_epoch: int = wire(INT32, default=-1)
    replica_nodes: list[int] = wire(ARRAY(INT32))
    isr_nodes: list[int] = wire(ARRAY(INT32))
    eligible_leader_replicas: list[int] | None = wire(ARRAY(INT32), nullable=0, default=None)
    last_known_elr: list[int] | None = wire(ARRAY(INT32), nullable=0, default=None)
    offline_replicas: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class DescribeTopicPartitionsResponseTopic:
    error_code: int = wire(INT16)
    name: str | None = wire(STRING, nullable=0)
    topic_id: bytes = wire(UUID)
    is_internal: bool = wire(BOOLEAN)
    partitions: list[DescribeTopicPartitionsResponsePartition] = wire(
        ARRAY(DescribeTopicPartitionsResponsePartition)
    )
    topic_authorized_operations: int = wire(INT32, default=-2147483648)


@dataclass(slots=True)
class DescribeTopicPartitionsResponse:
    API_KEY: ClassVar = ApiKey.DESCRIBE_TOPIC_PARTITIONS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    throttle_time_ms: int = wire(INT32)
    topics: list[DescribeTopicPartitionsResponseTopic] = wire(
        ARRAY(DescribeTopicPartitionsResponseTopic)
    )
    next_cursor: Cursor | None = wire(Cursor, nullable=0)
