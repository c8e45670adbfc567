"""DeleteShareGroupState (API key 86): deletes the delivery state of share partitions."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, STRING, UUID, wire


@dataclass(slots=True)
class PartitionData:
    partition: int = wire(INT32)


@dataclass(slots=True)
class DeleteStateData:
    topic_id: bytes = wire(UUID)
    partitions: list[PartitionData] = wire(ARRAY(PartitionData))


@dataclass(slots=True)
class DeleteShareGroupStateRequest:
    API_KEY: ClassVar = ApiKey.DELETE_SHARE_GROUP_STATE
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    group_id: str = wire(STRING)
    topics: list[DeleteStateData] = wire(ARRAY(DeleteStateData))


@dataclass(slots=True)
class PartitionResult:
    partition: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)


@dataclass(slots=True)
class DeleteStateResult:
    topic_id: bytes = wire(UUID)
    partitions: list[PartitionResult] = wire(ARRAY(PartitionResult))


@dataclass(slots=True)
class DeleteShareGroupStateResponse:
    API_KEY: ClassVar = ApiKey.DELETE_SHARE_GROUP_STATE
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    results: list[DeleteStateResult] = wire(ARRAY(DeleteStateResult))
