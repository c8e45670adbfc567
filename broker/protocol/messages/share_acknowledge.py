"""ShareAcknowledge (API key 79): acknowledges records that a share consumer has acquired."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT8, INT16, INT32, INT64, STRING, UUID, wire


@dataclass(slots=True)
class AcknowledgementBatch:
    first_offset: int = wire(INT64)
    last_offset: int = wire(INT64)
    acknowledge_types: list[int] = wire(ARRAY(INT8))


@dataclass(slots=True)
class AcknowledgePartition:
    partition_index: int = wire(INT32)
    acknowledgement_batches: list[AcknowledgementBatch] = wire(ARRAY(AcknowledgementBatch))


@dataclass(slots=True)
class AcknowledgeTopic:
    topic_id: bytes = wire(UUID)
    partitions: list[AcknowledgePartition] = wire(ARRAY(AcknowledgePartition))


@dataclass(slots=True)
class ShareAcknowledgeRequest:
    API_KEY: ClassVar = ApiKey.SHARE_ACKNOWLEDGE
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (1, 2)

    group_id: str | None = wire(STRING, nullable=0, default=None)
    member_id: str | None = wire(STRING, nullable=0)
    share_session_epoch: int = wire(INT32)
    is_renew_ack: bool = wire(BOOLEAN, since=2)
    topics: list[AcknowledgeTopic] = wire(ARRAY(AcknowledgeTopic))


@dataclass(slots=True)
class LeaderIdAndEpoch:
    leader_id: int = wire(INT32)
    leader_epoch: int = wire(INT32)


@dataclass(slots=True)
class PartitionData:
    partition_index: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)
    current_leader: LeaderIdAndEpoch = wire(LeaderIdAndEpoch)


@dataclass(slots=True)
class ShareAcknowledgeTopicResponse:
    topic_id: bytes = wire(UUID)
    partitions: list[PartitionData] = wire(ARRAY(PartitionData))


@dataclass(slots=True)
class NodeEndpoint:
    node_id: int = wire(INT32)
    host: str = wire(STRING)
    port: int = wire(INT32)
    rack: str | None = wire(STRING, nullable=0, default=None)


@dataclass(slots=True)
class ShareAcknowledgeResponse:
    API_KEY: ClassVar = ApiKey.SHARE_ACKNOWLEDGE
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (1, 2)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)
    acquisition_lock_timeout_ms: int = wire(INT32, since=2)
    responses: list[ShareAcknowledgeTopicResponse] = wire(ARRAY(ShareAcknowledgeTopicResponse))
    node_endpoints: list[NodeEndpoint] = wire(ARRAY(NodeEndpoint))
