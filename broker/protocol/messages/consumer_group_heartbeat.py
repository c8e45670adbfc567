"""ConsumerGroupHeartbeat (API key 68): membership in a KIP-848 group."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, STRING, UUID, wire


@dataclass(slots=True)
class TopicPartitions:
    topic_id: bytes = wire(UUID)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class ConsumerGroupHeartbeatRequest:
    API_KEY: ClassVar = ApiKey.CONSUMER_GROUP_HEARTBEAT
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    group_id: str = wire(STRING)
    member_id: str = wire(STRING)
    member_epoch: int = wire(INT32)
    instance_id: str | None = wire(STRING, nullable=0, default=None)
    rack_id: str | None = wire(STRING, nullable=0, default=None)
    rebalance_timeout_ms: int = wire(INT32, default=-1)
    subscribed_topic_names: list[str] | None = wire(ARRAY(STRING), nullable=0, default=None)
    subscribed_topic_regex: str | None = wire(STRING, since=1, nullable=1, default=None)
    server_assignor: str | None = wire(STRING, nullable=0, default=None)
    topic_partitions: list[TopicPartitions] | None = wire(
        ARRAY(TopicPartitions), nullable=0, default=None
    )


@dataclass(slots=True)
class Assignment:
    topic_partitions: list[TopicPartitions] = wire(ARRAY(TopicPartitions))


@dataclass(slots=True)
class ConsumerGroupHeartbeatResponse:
    API_KEY: ClassVar = ApiKey.CONSUMER_GROUP_HEARTBEAT
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)
    member_id: str | None = wire(STRING, nullable=0, default=None)
    member_epoch: int = wire(INT32)
    heartbeat_interval_ms: int = wire(INT32)
    assignment: Assignment | None = wire(Assignment, nullable=0)
