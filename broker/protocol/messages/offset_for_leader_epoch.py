"""OffsetForLeaderEpoch (API key 23): tells where a leader epoch ended."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class OffsetForLeaderPartition:
    partition: int = wire(INT32)
    current_leader_epoch: int = wire(INT32, default=-1)
    leader_epoch: int = wire(INT32)


@dataclass(slots=True)
class OffsetForLeaderTopic:
    topic: str = wire(STRING)
    partitions: list[OffsetForLeaderPartition] = wire(ARRAY(OffsetForLeaderPartition))


@dataclass(slots=True)
class OffsetForLeaderEpochRequest:
    API_KEY: ClassVar = ApiKey.OFFSET_FOR_LEADER_EPOCH
    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar = (2, 4)

    replica_id: int = wire(INT32, since=3, default=-2)
    topics: list[OffsetForLeaderTopic] = wire(ARRAY(OffsetForLeaderTopic))


@dataclass(slots=True)
class EpochEndOffset:
    error_code: int = wire(INT16)
    partition: int = wire(INT32)
    leader_epoch: int = wire(INT32, default=-1)
    end_offset: int = wire(INT64, default=-1)


@dataclass(slots=True)
class OffsetForLeaderTopicResult:
    topic: str = wire(STRING)
    partitions: list[EpochEndOffset] = wire(ARRAY(EpochEndOffset))


@dataclass(slots=True)
class OffsetForLeaderEpochResponse:
    API_KEY: ClassVar = ApiKey.OFFSET_FOR_LEADER_EPOCH
    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar = (2, 4)

    throttle_time_ms: int = wire(INT32)
    topics: list[OffsetForLeaderTopicResult] = wire(ARRAY(OffsetForLeaderTopicResult))
