"""OffsetFetch (API key 9): reads back the offsets that groups have committed."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT16, INT32, INT64, STRING, UUID, wire


@dataclass(slots=True)
class OffsetFetchRequestTopic:
    name: str = wire(STRING, until=7)
    partition_indexes: list[int] = wire(ARRAY(INT32), until=7)


@dataclass(slots=True)
class OffsetFetchRequestTopics:
    name: str = wire(STRING, since=8, until=9)
    topic_id: bytes = wire(UUID, since=10)
    partition_indexes: list[int] = wire(ARRAY(INT32), since=8)


@dataclass(slots=True)
class OffsetFetchRequestGroup:
    group_id: str = wire(STRING, since=8)
    member_id: str | None = wire(STRING, since=9, nullable=9, default=None)
    member_epoch: int = wire(INT32, since=9, default=-1)
    topics: list[OffsetFetchRequestTopics] | None = wire(
        ARRAY(OffsetFetchRequestTopics), since=8, nullable=8
    )


@dataclass(slots=True)
class OffsetFetchRequest:
    API_KEY: ClassVar = ApiKey.OFFSET_FETCH
    FLEXIBLE_SINCE: ClassVar[int | None] = 6
    VERSIONS: ClassVar = (1, 10)

    group_id: str = wire(STRING, until=7)
    topics: list[OffsetFetchRequestTopic] | None = wire(
        ARRAY(OffsetFetchRequestTopic), until=7, nullable=2
    )
    groups: list[OffsetFetchRequestGroup] = wire(ARRAY(OffsetFetchRequestGroup), since=8)
    require_stable: bool = wire(BOOLEAN, since=7)


@dataclass(slots=True)
class OffsetFetchResponsePartition:
    partition_index: int = wire(INT32, until=7)
    committed_offset: int = wire(INT64, until=7)
    committed_leader_epoch: int = wire(INT32, since=5, until=7, default=-1)
    metadata: str | None = wire(STRING, until=7, nullable=0)
    error_code: int = wire(INT16, until=7)


@dataclass(slots=True)
class OffsetFetchResponseTopic:
    name: str = wire(STRING, until=7)
    partitions: list[OffsetFetchResponsePartition] = wire(
        ARRAY(OffsetFetchResponsePartition), until=7
    )


@dataclass(slots=True)
class OffsetFetchResponsePartitions:
    partition_index: int = wire(INT32, since=8)
    committed_offset: int = wire(INT64, since=8)
    committed_leader_epoch: int = wire(INT32, since=8, default=-1)
    metadata: str | None = wire(STRING, since=8, nullable=8)
    error_code: int = wire(INT16, since=8)


@dataclass(slots=True)
class OffsetFetchResponseTopics:
    name: str = wire(STRING, since=8, until=9)
    topic_id: bytes = wire(UUID, since=10)
    partitions: list[OffsetFetchResponsePartitions] = wire(
        ARRAY(OffsetFetchResponsePartitions), since=8
    )


@dataclass(slots=True)
class OffsetFetchResponseGroup:
    group_id: str = wire(STRING, since=8)
    topics: list[OffsetFetchResponseTopics] = wire(ARRAY(OffsetFetchResponseTopics), since=8)
    error_code: int = wire(INT16, since=8)


@dataclass(slots=True)
class OffsetFetchResponse:
    API_KEY: ClassVar = ApiKey.OFFSET_FETCH
    FLEXIBLE_SINCE: ClassVar[int | None] = 6
    VERSIONS: ClassVar = (1, 10)

    throttle_time_ms: int = wire(INT32, since=3)
    topics: list[OffsetFetchResponseTopic] = wire(ARRAY(OffsetFetchResponseTopic), until=7)
    error_code: int = wire(INT16, since=2, until=7)
    groups: list[OffsetFetchResponseGroup] = wire(ARRAY(OffsetFetchResponseGroup), since=8)
