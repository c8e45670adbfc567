"""InitializeShareGroupState (API key 83): sets the start offset of share partitions."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, INT64, STRING, UUID, wire


@dataclass(slots=True)
class PartitionData:
    partition: int = wire(INT32)
    state_epoch: int = wire(INT32)
    start_offset: int = wire(INT64)


@dataclass(slots=True)
class InitializeStateData:
    topic_id: bytes = wire(UUID)
    partitions: list[PartitionData] = wire(ARRAY(PartitionData))


@dataclass(slots=True)
class InitializeShareGroupStateRequest:
    API_KEY: ClassVar = ApiKey.INITIALIZE_SHARE_GROUP_STATE
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    group_id: str = wire(STRING)
    topics: list[InitializeStateData] = wire(ARRAY(InitializeStateData))


@dataclass(slots=True)
class PartitionResult:
    partition: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)


@dataclass(slots=True)
class InitializeStateResult:
    topic_id: bytes = wire(UUID)
    partitions: list[PartitionResult] = wire(ARRAY(PartitionResult))


@dataclass(slots=True)
class InitializeShareGroupStateResponse:
    API_KEY: ClassVar = ApiKey.INITIALIZE_SHARE_GROUP_STATE
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    results: list[InitializeStateResult] = wire(ARRAY(InitializeStateResult))
