"""ReadShareGroupStateSummary (API key 87): reads the start offset of share partitions."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, INT64, STRING, UUID, wire


@dataclass(slots=True)
class PartitionData:
    partition: int = wire(INT32)
    leader_epoch: int = wire(INT32)


@dataclass(slots=True)
class ReadStateSummaryData:
    topic_id: bytes = wire(UUID)
    partitions: list[PartitionData] = wire(ARRAY(PartitionData))


@dataclass(slots=True)
class ReadShareGroupStateSummaryRequest:
    API_KEY: ClassVar = ApiKey.READ_SHARE_GROUP_STATE_SUMMARY
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    group_id: str = wire(STRING)
    topics: list[ReadStateSummaryData] = wire(ARRAY(ReadStateSummaryData))


@dataclass(slots=True)
class PartitionResult:
    partition: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)
    state_epoch: int = wire(INT32)
    leader_epoch: int = wire(INT32)
    start_offset: int = wire(INT64)
    delivery_complete_count: int = wire(INT32, since=1, default=-1)


@dataclass(slots=True)
class ReadStateSummaryResult:
    topic_id: bytes = wire(UUID)
    partitions: list[PartitionResult] = wire(ARRAY(PartitionResult))


@dataclass(slots=True)
class ReadShareGroupStateSummaryResponse:
    API_KEY: ClassVar = ApiKey.READ_SHARE_GROUP_STATE_SUMMARY
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    results: list[ReadStateSummaryResult] = wire(ARRAY(ReadStateSummaryResult))
