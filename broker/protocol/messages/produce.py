"""Produce (API key 0): appends record batches to partitions."""

from dataclasses import dataclass
from typing import Any, ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, INT64, RECORDS, STRING, UUID, wire


@dataclass(slots=True)
class PartitionProduceData:
    index: int = wire(INT32)
    records: Any = wire(RECORDS, nullable=0)


@dataclass(slots=True)
class TopicProduceData:
    name: str = wire(STRING, until=12)
    topic_id: bytes = wire(UUID, since=13)
    partition_data: list[PartitionProduceData] = wire(ARRAY(PartitionProduceData))


@dataclass(slots=True)
class ProduceRequest:
    API_KEY: ClassVar = ApiKey.PRODUCE
    FLEXIBLE_SINCE: ClassVar[int | None] = 9
    VERSIONS: ClassVar = (3, 13)

    transactional_id: str | None = wire(STRING, nullable=0, default=None)
    acks: int = wire(INT16)
    timeout_ms: int = wire(INT32)
    topic_data: list[TopicProduceData] = wire(ARRAY(TopicProduceData))


@dataclass(slots=True)
class BatchIndexAndErrorMessage:
    batch_index: int = wire(INT32, since=8)
    batch_index_error_message: str | None = wire(STRING, since=8, nullable=8, default=None)


@dataclass(slots=True)
class LeaderIdAndEpoch:
    leader_id: int = wire(INT32, since=10, default=-1)
    leader_epoch: int = wire(INT32, since=10, default=-1)


@dataclass(slots=True)
class PartitionProduceResponse:
    index: int = wire(INT32)
    error_code: int = wire(INT16)
    base_offset: int = wire(INT64)
    log_append_time_ms: int = wire(INT64, default=-1)
    log_start_offset: int = wire(INT64, since=5, default=-1)
    record_errors: list[BatchIndexAndErrorMessage] = wire(ARRAY(BatchIndexAndErrorMessage), since=8)
    error_message: str | None = wire(STRING, since=8, nullable=8, default=None)
    current_leader: LeaderIdAndEpoch | None = wire(LeaderIdAndEpoch, since=10, tag=0)


@dataclass(slots=True)
class TopicProduceResponse:
    name: str = wire(STRING, until=12)
    topic_id: bytes = wire(UUID, since=13)
    partition_responses: list[PartitionProduceResponse] = wire(ARRAY(PartitionProduceResponse))


@dataclass(slots=True)
class NodeEndpoint:
    node_id: int = wire(INT32, since=10)
    host: str = wire(STRING, since=10)
    port: int = wire(INT32, since=10)
    rack: str | None = wire(STRING, since=10, nullable=10, default=None)


@dataclass(slots=True)
class ProduceResponse:
    API_KEY: ClassVar = ApiKey.PRODUCE
    FLEXIBLE_SINCE: ClassVar[int | None] = 9
    VERSIONS: ClassVar = (3, 13)

    responses: list[TopicProduceResponse] = wire(ARRAY(TopicProduceResponse))
    throttle_time_ms: int = wire(INT32)
    node_endpoints: list[NodeEndpoint] = wire(ARRAY(NodeEndpoint), since=10, tag=0)
