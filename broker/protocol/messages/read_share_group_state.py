"""ReadShareGroupState (API key 84): reads the delivery state of share partitions."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT8, INT16, INT32, INT64, STRING, UUID, wire


@dataclass(slots=True)
class PartitionData:
    partition: int = wire(INT32)
    leader_epoch: int = wire(INT32)


@dataclass(slots=True)
class ReadStateData:
    topic_id: bytes = wire(UUID)
    partitions: list[PartitionData] = wire(ARRAY(PartitionData))


@dataclass(slots=True)
class ReadShareGroupStateRequest:
    API_KEY: ClassVar = ApiKey.READ_SHARE_GROUP_STATE
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    group_id: str = wire(STRING)
    topics: list[ReadStateData] = wire(ARRAY(ReadStateData))


@dataclass(slots=True)
class StateBatch:
    first_offset: int = wire(INT64)
    last_offset: int = wire(INT64)
    delivery_state: int = wire(INT8)
    delivery_count: int = wire(INT16)


@dataclass(slots=True)
class PartitionResult:
    partition: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)
    state_epoch: int = wire(INT32)
    start_offset: int = wire(INT64)
    state_batches: list[StateBatch] = wire(ARRAY(StateBatch))


@dataclass(slots=True)
class ReadStateResult:
    topic_id: bytes = wire(UUID)
    partitions: list[PartitionResult] = wire(ARRAY(PartitionResult))


@dataclass(slots=True)
class ReadShareGroupStateResponse:
    API_KEY: ClassVar = ApiKey.READ_SHARE_GROUP_STATE
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    results: list[ReadStateResult] = wire(ARRAY(ReadStateResult))
