"""DescribeGroups (API key 15): tells state, members and assignment of classic groups."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, BYTES, INT16, INT32, STRING, wire


@dataclass(slots=True)
class DescribeGroupsRequest:
    API_KEY: ClassVar = ApiKey.DESCRIBE_GROUPS
    FLEXIBLE_SINCE: ClassVar[int | None] = 5
    VERSIONS: ClassVar = (0, 6)

    groups: list[str] = wire(ARRAY(STRING))
    include_authorized_operations: bool = wire(BOOLEAN, since=3)


@dataclass(slots=True)
class DescribedGroupMember:
    member_id: str = wire(STRING)
    group_instance_id: str | None = wire(STRING, since=4, nullable=4, default=None)
    client_id: str = wire(STRING)
    client_host: str = wire(STRING)
    member_metadata: bytes = wire(BYTES)
    member_assignment: bytes = wire(BYTES)


@dataclass(slots=True)
class DescribedGroup:
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, since=6, nullable=6, default=None)
    group_id: str = wire(STRING)
    group_state: str = wire(STRING)
    protocol_type: str = wire(STRING)
    protocol_data: str = wire(STRING)
    members: list[DescribedGroupMember] = wire(ARRAY(DescribedGroupMember))
    authorized_operations: int = wire(INT32, since=3, default=-2147483648)


@dataclass(slots=True)
class DescribeGroupsResponse:
    API_KEY: ClassVar = ApiKey.DESCRIBE_GROUPS
    FLEXIBLE_SINCE: ClassVar[int | None] = 5
    VERSIONS: ClassVar = (0, 6)

    throttle_time_ms: int = wire(INT32, since=1)
    groups: list[DescribedGroup] = wire(ARRAY(DescribedGroup))
