"""OffsetCommit (API key 8): stores how far a group has read."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, INT64, STRING, UUID, wire


@dataclass(slots=True)
class OffsetCommitRequestPartition:
    partition_index: int = wire(INT32)
    committed_offset: int = wire(INT64)
    committed_leader_epoch: int = wire(INT32, since=6, default=-1)
    committed_metadata: str | None = wire(STRING, nullable=0)


@dataclass(slots=True)
class OffsetCommitRequestTopic:
    name: str = wire(STRING, until=9)
    topic_id: bytes = wire(UUID, since=10)
    partitions: list[OffsetCommitRequestPartition] = wire(ARRAY(OffsetCommitRequestPartition))


@dataclass(slots=True)
class OffsetCommitRequest:
    API_KEY: ClassVar = ApiKey.OFFSET_COMMIT
    FLEXIBLE_SINCE: ClassVar[int | None] = 8
    VERSIONS: ClassVar = (2, 10)

    group_id: str = wire(STRING)
    generation_id_or_member_epoch: int = wire(INT32, default=-1)
    member_id: str = wire(STRING)
    group_instance_id: str | None = wire(STRING, since=7, nullable=7, default=None)
    retention_time_ms: int = wire(INT64, until=4, default=-1)
    topics: list[OffsetCommitRequestTopic] = wire(ARRAY(OffsetCommitRequestTopic))


@dataclass(slots=True)
class OffsetCommitResponsePartition:
    partition_index: int = wire(INT32)
    error_code: int = wire(INT16)


@dataclass(slots=True)
class OffsetCommitResponseTopic:
    name: str = wire(STRING, until=9)
    topic_id: bytes = wire(UUID, since=10)
    partitions: list[OffsetCommitResponsePartition] = wire(ARRAY(OffsetCommitResponsePartition))


@dataclass(slots=True)
class OffsetCommitResponse:
    API_KEY: ClassVar = ApiKey.OFFSET_COMMIT
    FLEXIBLE_SINCE: ClassVar[int | None] = 8
    VERSIONS: ClassVar = (2, 10)

    throttle_time_ms: int = wire(INT32, since=3)
    topics: list[OffsetCommitResponseTopic] = wire(ARRAY(OffsetCommitResponseTopic))
