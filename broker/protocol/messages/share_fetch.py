"""ShareFetch (API key 78): acquires records for a share group and acknowledges earlier ones."""

from dataclasses import dataclass
from typing import Any, ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import (
    ARRAY,
    BOOLEAN,
    INT8,
    INT16,
    INT32,
    INT64,
    RECORDS,
    STRING,
    UUID,
    wire,
)


@dataclass(slots=True)
class AcknowledgementBatch:
    first_offset: int = wire(INT64)
    last_offset: int = wire(INT64)
    acknowledge_types: list[int] = wire(ARRAY(INT8))


@dataclass(slots=True)
class FetchPartition:
    partition_index: int = wire(INT32)
    acknowledgement_batches: list[AcknowledgementBatch] = wire(ARRAY(AcknowledgementBatch))


@dataclass(slots=True)
class FetchTopic:
    topic_id: bytes = wire(UUID)
    partitions: list[FetchPartition] = wire(ARRAY(FetchPartition))


@dataclass(slots=True)
class ForgottenTopic:
    topic_id: bytes = wire(UUID)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class ShareFetchRequest:
    API_KEY: ClassVar = ApiKey.SHARE_FETCH
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (1, 2)

    group_id: str | None = wire(STRING, nullable=0, default=None)
    member_id: str | None = wire(STRING, nullable=0)
    share_session_epoch: int = wire(INT32)
    max_wait_ms: int = wire(INT32)
    min_bytes: int = wire(INT32)
    max_bytes: int = wire(INT32, default=0x7FFFFFFF)
    max_records: int = wire(INT32)
    batch_size: int = wire(INT32)
    share_acquire_mode: int = wire(INT8, since=2)
    is_renew_ack: bool = wire(BOOLEAN, since=2)
    topics: list[FetchTopic] = wire(ARRAY(FetchTopic))
    forgotten_topics_data: list[ForgottenTopic] = wire(ARRAY(ForgottenTopic))


@dataclass(slots=True)
class LeaderIdAndEpoch:
    leader_id: int = wire(INT32)
    leader_epoch: int = wire(INT32)


@dataclass(slots=True)
class AcquiredRecords:
    first_offset: int = wire(INT64)
    last_offset: int = wire(INT64)
    delivery_count: int = wire(INT16)


@dataclass(slots=True)
class PartitionData:
    partition_index: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)
    acknowledge_error_code: int = wire(INT16)
    acknowledge_error_message: str | None = wire(STRING, nullable=0, default=None)
    current_leader: LeaderIdAndEpoch = wire(LeaderIdAndEpoch)
    records: Any = wire(RECORDS, default=b"")
    acquired_records: list[AcquiredRecords] = wire(ARRAY(AcquiredRecords))


@dataclass(slots=True)
class ShareFetchableTopicResponse:
    topic_id: bytes = wire(UUID)
    partitions: list[PartitionData] = wire(ARRAY(PartitionData))


@dataclass(slots=True)
class NodeEndpoint:
    node_id: int = wire(INT32)
    host: str = wire(STRING)
    port: int = wire(INT32)
    rack: str | None = wire(STRING, nullable=0, default=None)


@dataclass(slots=True)
class ShareFetchResponse:
    API_KEY: ClassVar = ApiKey.SHARE_FETCH
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (1, 2)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)
    acquisition_lock_timeout_ms: int = wire(INT32)
    responses: list[ShareFetchableTopicResponse] = wire(ARRAY(ShareFetchableTopicResponse))
    node_endpoints: list[NodeEndpoint] = wire(ARRAY(NodeEndpoint))
