"""OffsetDelete (API key 47): deletes committed offsets of a group."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, STRING, wire


@dataclass(slots=True)
class OffsetDeleteRequestPartition:
    partition_index: int = wire(INT32)


@dataclass(slots=True)
class OffsetDeleteRequestTopic:
    name: str = wire(STRING)
    partitions: list[OffsetDeleteRequestPartition] = wire(ARRAY(OffsetDeleteRequestPartition))


@dataclass(slots=True)
class OffsetDeleteRequest:
    API_KEY: ClassVar = ApiKey.OFFSET_DELETE
    FLEXIBLE_SINCE: ClassVar[int | None] = None
    VERSIONS: ClassVar = (0, 0)

    group_id: str = wire(STRING)
    topics: list[OffsetDeleteRequestTopic] = wire(ARRAY(OffsetDeleteRequestTopic))


@dataclass(slots=True)
class OffsetDeleteResponsePartition:
    partition_index: int = wire(INT32)
    error_code: int = wire(INT16)


@dataclass(slots=True)
class OffsetDeleteResponseTopic:
    name: str = wire(STRING)
    partitions: list[OffsetDeleteResponsePartition] = wire(ARRAY(OffsetDeleteResponsePartition))


@dataclass(slots=True)
class OffsetDeleteResponse:
    API_KEY: ClassVar = ApiKey.OFFSET_DELETE
    FLEXIBLE_SINCE: ClassVar[int | None] = None
    VERSIONS: ClassVar = (0, 0)

    error_code: int = wire(INT16)
    throttle_time_ms: int = wire(INT32)
    topics: list[OffsetDeleteResponseTopic] = wire(ARRAY(OffsetDeleteResponseTopic))
