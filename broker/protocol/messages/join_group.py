"""JoinGroup (API key 11): makes a member join a classic group and waits for its generation."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, BYTES, INT16, INT32, STRING, wire


@dataclass(slots=True)
class JoinGroupRequestProtocol:
    name: str = wire(STRING)
    metadata: bytes = wire(BYTES)


@dataclass(slots=True)
class JoinGroupRequest:
    API_KEY: ClassVar = ApiKey.JOIN_GROUP
    FLEXIBLE_SINCE: ClassVar[int | None] = 6
    VERSIONS: ClassVar = (0, 9)

    group_id: str = wire(STRING)
    session_timeout_ms: int = wire(INT32)
    rebalance_timeout_ms: int = wire(INT32, since=1, default=-1)
    member_id: str = wire(STRING)
    group_instance_id: str | None = wire(STRING, since=5, nullable=5, default=None)
    protocol_type: str = wire(STRING)
    protocols: list[JoinGroupRequestProtocol] = wire(ARRAY(JoinGroupRequestProtocol))
    reason: str | None = wire(STRING, since=8, nullable=8, default=None)


@dataclass(slots=True)
class JoinGroupResponseMember:
    member_id: str = wire(STRING)
    group_instance_id: str | None = wire(STRING, since=5, nullable=5, default=None)
    metadata: bytes = wire(BYTES)


@dataclass(slots=True)
class JoinGroupResponse:
    API_KEY: ClassVar = ApiKey.JOIN_GROUP
    FLEXIBLE_SINCE: ClassVar[int | None] = 6
    VERSIONS: ClassVar = (0, 9)

    throttle_time_ms: int = wire(INT32, since=2)
    error_code: int = wire(INT16)
    generation_id: int = wire(INT32, default=-1)
    protocol_type: str | None = wire(STRING, since=7, nullable=7, default=None)
    protocol_name: str | None = wire(STRING, nullable=7)
    leader: str = wire(STRING)
    skip_assignment: bool = wire(BOOLEAN, since=9)
    member_id: str = wire(STRING)
    members: list[JoinGroupResponseMember] = wire(ARRAY(JoinGroupResponseMember))
