"""DescribeProducers (API key 61): lists the producers that a partition remembers."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class TopicRequest:
    name: str = wire(STRING)
    partition_indexes: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class DescribeProducersRequest:
    API_KEY: ClassVar = ApiKey.DESCRIBE_PRODUCERS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    topics: list[TopicRequest] = wire(ARRAY(TopicRequest))


@dataclass(slots=True)
class ProducerState:
    producer_id: int = wire(INT64)
    producer_epoch: int = wire(INT32)
    last_sequence: int = wire(INT32, default=-1)
    last_timestamp: int = wire(INT64, default=-1)
    coordinator_epoch: int = wire(INT32)
    current_txn_start_offset: int = wire(INT64, default=-1)


@dataclass(slots=True)
class PartitionResponse:
    partition_index: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)
    active_producers: list[ProducerState] = wire(ARRAY(ProducerState))


@dataclass(slots=True)
class TopicResponse:
    name: str = wire(STRING)
    partitions: list[PartitionResponse] = wire(ARRAY(PartitionResponse))


@dataclass(slots=True)
class DescribeProducersResponse:
    API_KEY: ClassVar = ApiKey.DESCRIBE_PRODUCERS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    throttle_time_ms: int = wire(INT32)
    topics: list[TopicResponse] = wire(ARRAY(TopicResponse))
