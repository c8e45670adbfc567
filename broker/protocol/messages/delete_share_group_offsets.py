"""DeleteShareGroupOffsets (API key 92): deletes the offsets of share groups by topic."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, STRING, UUID, wire


@dataclass(slots=True)
class DeleteShareGroupOffsetsRequestTopic:
    topic_name: str = wire(STRING)


@dataclass(slots=True)
class DeleteShareGroupOffsetsRequest:
    API_KEY: ClassVar = ApiKey.DELETE_SHARE_GROUP_OFFSETS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    group_id: str = wire(STRING)
    topics: list[DeleteShareGroupOffsetsRequestTopic] = wire(
        ARRAY(DeleteShareGroupOffsetsRequestTopic)
    )


@dataclass(slots=True)
class DeleteShareGroupOffsetsResponseTopic:
    topic_name: str = wire(STRING)
    topic_id: bytes = wire(UUID)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)


@dataclass(slots=True)
class DeleteShareGroupOffsetsResponse:
    API_KEY: ClassVar = ApiKey.DELETE_SHARE_GROUP_OFFSETS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)
    responses: list[DeleteShareGroupOffsetsResponseTopic] = wire(
        ARRAY(DeleteShareGroupOffsetsResponseTopic)
    )
