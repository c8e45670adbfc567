"""ShareGroupHeartbeat (API key 76): joins, keeps alive and leaves a share group (KIP-932)."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, STRING, UUID, wire


@dataclass(slots=True)
class ShareGroupHeartbeatRequest:
    API_KEY: ClassVar = ApiKey.SHARE_GROUP_HEARTBEAT
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (1, 1)

    group_id: str = wire(STRING)
    member_id: str = wire(STRING)
    member_epoch: int = wire(INT32)
    rack_id: str | None = wire(STRING, nullable=0, default=None)
    subscribed_topic_names: list[str] | None = wire(ARRAY(STRING), nullable=0, default=None)


@dataclass(slots=True)
class TopicPartitions:
    topic_id: bytes = wire(UUID)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class Assignment:
    topic_partitions: list[TopicPartitions] = wire(ARRAY(TopicPartitions))


@dataclass(slots=True)
class ShareGroupHeartbeatResponse:
    API_KEY: ClassVar = ApiKey.SHARE_GROUP_HEARTBEAT
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (1, 1)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)
    member_id: str | None = wire(STRING, nullable=0, default=None)
    member_epoch: int = wire(INT32)
    heartbeat_interval_ms: int = wire(INT32)
    assignment: Assignment | None = wire(Assignment, nullable=0)
