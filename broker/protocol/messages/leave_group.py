"""LeaveGroup (API key 13): takes members out of a classic group."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, STRING, wire


@dataclass(slots=True)
class MemberIdentity:
    member_id: str = wire(STRING, since=3)
    group_instance_id: str | None = wire(STRING, since=3, nullable=3, default=None)
    reason: str | None = wire(STRING, since=5, nullable=5, default=None)


@dataclass(slots=True)
class LeaveGroupRequest:
    API_KEY: ClassVar = ApiKey.LEAVE_GROUP
    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar = (0, 5)

    group_id: str = wire(STRING)
    member_id: str = wire(STRING, until=2)
    members: list[MemberIdentity] = wire(ARRAY(MemberIdentity), since=3)


@dataclass(slots=True)
class MemberResponse:
    member_id: str = wire(STRING, since=3)
    group_instance_id: str | None = wire(STRING, since=3, nullable=3)
    error_code: int = wire(INT16, since=3)


@dataclass(slots=True)
class LeaveGroupResponse:
    API_KEY: ClassVar = ApiKey.LEAVE_GROUP
    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar = (0, 5)

    throttle_time_ms: int = wire(INT32, since=1)
    error_code: int = wire(INT16)
    members: list[MemberResponse] = wire(ARRAY(MemberResponse), since=3)
