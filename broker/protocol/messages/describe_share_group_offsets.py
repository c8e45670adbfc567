"""DescribeShareGroupOffsets (API key 90): tells the start offsets of share groups."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, INT64, STRING, UUID, wire


@dataclass(slots=True)
class DescribeShareGroupOffsetsRequestTopic:
    topic_name: str = wire(STRING)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class DescribeShareGroupOffsetsRequestGroup:
    group_id: str = wire(STRING)
    topics: list[DescribeShareGroupOffsetsRequestTopic] | None = wire(
        ARRAY(DescribeShareGroupOffsetsRequestTopic), nullable=0
    )


@dataclass(slots=True)
class DescribeShareGroupOffsetsRequest:
    API_KEY: ClassVar = ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    groups: list[DescribeShareGroupOffsetsRequestGroup] = wire(
        ARRAY(DescribeShareGroupOffsetsRequestGroup)
    )


@dataclass(slots=True)
class DescribeShareGroupOffsetsResponsePartition:
    partition_index: int = wire(INT32)
    start_offset: int = wire(INT64)
    leader_epoch: int = wire(INT32)
    lag: int = wire(INT64, since=1, default=-1)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)


@dataclass(slots=True)
class DescribeShareGroupOffsetsResponseTopic:
    topic_name: str = wire(STRING)
    topic_id: bytes = wire(UUID)
    partitions: list[DescribeShareGroupOffsetsResponsePartition] = wire(
        ARRAY(DescribeShareGroupOffsetsResponsePartition)
    )


@dataclass(slots=True)
class DescribeShareGroupOffsetsResponseGroup:
    group_id: str = wire(STRING)
    topics: list[DescribeShareGroupOffsetsResponseTopic] = wire(
        ARRAY(DescribeShareGroupOffsetsResponseTopic)
    )
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)


@dataclass(slots=True)
class DescribeShareGroupOffsetsResponse:
    API_KEY: ClassVar = ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    throttle_time_ms: int = wire(INT32)
    groups: list[DescribeShareGroupOffsetsResponseGroup] = wire(
        ARRAY(DescribeShareGroupOffsetsResponseGroup)
    )
