"""DeleteTopics (API key 20): deletes topics by name or id."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, STRING, UUID, wire


@dataclass(slots=True)
class DeleteTopicState:
    name: str | None = wire(STRING, since=6, nullable=6, default=None)
    topic_id: bytes = wire(UUID, since=6)


@dataclass(slots=True)
class DeleteTopicsRequest:
    API_KEY: ClassVar = ApiKey.DELETE_TOPICS
    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar = (1, 6)

    topics: list[DeleteTopicState] = wire(ARRAY(DeleteTopicState), since=6)
    topic_names: list[str] = wire(ARRAY(STRING), until=5)
    timeout_ms: int = wire(INT32)


@dataclass(slots=True)
class DeletableTopicResult:
    name: str | None = wire(STRING, nullable=6)
    topic_id: bytes = wire(UUID, since=6)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, since=5, nullable=5, default=None)


@dataclass(slots=True)
class DeleteTopicsResponse:
    API_KEY: ClassVar = ApiKey.DELETE_TOPICS
    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar = (1, 6)

    throttle_time_ms: int = wire(INT32)
    responses: list[DeletableTopicResult] = wire(ARRAY(DeletableTopicResult))
