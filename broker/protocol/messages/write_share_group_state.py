"""WriteShareGroupState (API key 85): stores the delivery state of share partitions."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT8, INT16, INT32, INT64, STRING, UUID, wire


@dataclass(slots=True)
class StateBatch:
    first_offset: int = wire(INT64)
    last_offset: int = wire(INT64)
    delivery_state: int = wire(INT8)
    delivery_count: int = wire(INT16)


@dataclass(slots=True)
class PartitionData:
    partition: int = wire(INT32)
    state_epoch: int = wire(INT32)
    leader_epoch: int = wire(INT32)
    start_offset: int = wire(INT64)
    delivery_complete_count: int = wire(INT32, since=1, default=-1)
    state_batches: list[StateBatch] = wire(ARRAY(StateBatch))


@dataclass(slots=True)
class WriteStateData:
    topic_id: bytes = wire(UUID)
    partitions: list[PartitionData] = wire(ARRAY(PartitionData))


@dataclass(slots=True)
class WriteShareGroupStateRequest:
    API_KEY: ClassVar = ApiKey.WRITE_SHARE_GROUP_STATE
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    group_id: str = wire(STRING)
    topics: list[WriteStateData] = wire(ARRAY(WriteStateData))


@dataclass(slots=True)
class PartitionResult:
    partition: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)


@dataclass(slots=True)
class WriteStateResult:
    topic_id: bytes = wire(UUID)
    partitions: list[PartitionResult] = wire(ARRAY(PartitionResult))


@dataclass(slots=True)
class WriteShareGroupStateResponse:
    API_KEY: ClassVar = ApiKey.WRITE_SHARE_GROUP_STATE
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    results: list[WriteStateResult] = wire(ARRAY(WriteStateResult))
