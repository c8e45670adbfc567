"""AlterShareGroupOffsets (API key 91): sets the start offsets of share groups."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, INT64, STRING, UUID, wire


@dataclass(slots=True)
class AlterShareGroupOffsetsRequestPartition:
    partition_index: int = wire(INT32)
    start_offset: int = wire(INT64)


@dataclass(slots=True)
class AlterShareGroupOffsetsRequestTopic:
    topic_name: str = wire(STRING)
    partitions: list[AlterShareGroupOffsetsRequestPartition] = wire(
        ARRAY(AlterShareGroupOffsetsRequestPartition)
    )


@dataclass(slots=True)
class AlterShareGroupOffsetsRequest:
    API_KEY: ClassVar = ApiKey.ALTER_SHARE_GROUP_OFFSETS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    group_id: str = wire(STRING)
    topics: list[AlterShareGroupOffsetsRequestTopic] = wire(
        ARRAY(AlterShareGroupOffsetsRequestTopic)
    )


@dataclass(slots=True)
class AlterShareGroupOffsetsResponsePartition:
    partition_index: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)


@dataclass(slots=True)
class AlterShareGroupOffsetsResponseTopic:
    topic_name: str = wire(STRING)
    topic_id: bytes = wire(UUID)
    partitions: list[AlterShareGroupOffsetsResponsePartition] = wire(
        ARRAY(AlterShareGroupOffsetsResponsePartition)
    )


@dataclass(slots=True)
class AlterShareGroupOffsetsResponse:
    API_KEY: ClassVar = ApiKey.ALTER_SHARE_GROUP_OFFSETS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)
    responses: list[AlterShareGroupOffsetsResponseTopic] = wire(
        ARRAY(AlterShareGroupOffsetsResponseTopic)
    )
