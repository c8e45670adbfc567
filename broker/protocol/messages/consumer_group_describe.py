"""ConsumerGroupDescribe (API key 69): tells state, members and assignments of KIP-848 groups."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT8, INT16, INT32, STRING, UUID, wire


@dataclass(slots=True)
class ConsumerGroupDescribeRequest:
    API_KEY: ClassVar = ApiKey.CONSUMER_GROUP_DESCRIBE
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    group_ids: list[str] = wire(ARRAY(STRING))
    include_authorized_operations: bool = wire(BOOLEAN)


@dataclass(slots=True)
class TopicPartitions:
    topic_id: bytes = wire(UUID)
    topic_name: str = wire(STRING)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class Assignment:
    topic_partitions: list[TopicPartitions] = wire(ARRAY(TopicPartitions))


@dataclass(slots=True)
class Member:
    member_id: str = wire(STRING)
    instance_id: str | None = wire(STRING, nullable=0, default=None)
    rack_id: str | None = wire(STRING, nullable=0, default=None)
    member_epoch: int = wire(INT32)
    client_id: str = wire(STRING)
    client_host: str = wire(STRING)
    subscribed_topic_names: list[str] = wire(ARRAY(STRING))
    subscribed_topic_regex: str | None = wire(STRING, nullable=0, default=None)
    assignment: Assignment = wire(Assignment)
    target_assignment: Assignment = wire(Assignment)
    member_type: int = wire(INT8, since=1, default=-1)


@dataclass(slots=True)
class DescribedGroup:
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)
    group_id: str = wire(STRING)
    group_state: str = wire(STRING)
    group_epoch: int = wire(INT32)
    assignment_epoch: int = wire(INT32)
    assignor_name: str = wire(STRING)
    members: list[Member] = wire(ARRAY(Member))
    authorized_operations: int = wire(INT32, default=-2147483648)


@dataclass(slots=True)
class ConsumerGroupDescribeResponse:
    API_KEY: ClassVar = ApiKey.CONSUMER_GROUP_DESCRIBE
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    throttle_time_ms: int = wire(INT32)
    groups: list[DescribedGroup] = wire(ARRAY(DescribedGroup))
