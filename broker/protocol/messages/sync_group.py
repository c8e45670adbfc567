"""SyncGroup (API key 14): hands the assignment of a classic group to its members."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BYTES, INT16, INT32, STRING, wire


@dataclass(slots=True)
class SyncGroupRequestAssignment:
    member_id: str = wire(STRING)
    assignment: bytes = wire(BYTES)


@dataclass(slots=True)
class SyncGroupRequest:
    API_KEY: ClassVar = ApiKey.SYNC_GROUP
    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar = (0, 5)

    group_id: str = wire(STRING)
    generation_id: int = wire(INT32)
    member_id: str = wire(STRING)
    group_instance_id: str | None = wire(STRING, since=3, nullable=3, default=None)
    protocol_type: str | None = wire(STRING, since=5, nullable=5, default=None)
    protocol_name: str | None = wire(STRING, since=5, nullable=5, default=None)
    assignments: list[SyncGroupRequestAssignment] = wire(ARRAY(SyncGroupRequestAssignment))


@dataclass(slots=True)
class SyncGroupResponse:
    API_KEY: ClassVar = ApiKey.SYNC_GROUP
    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar = (0, 5)

    throttle_time_ms: int = wire(INT32, since=1)
    error_code: int = wire(INT16)
    protocol_type: str | None = wire(STRING, since=5, nullable=5, default=None)
    protocol_name: str | None = wire(STRING, since=5, nullable=5, default=None)
    assignment: bytes = wire(BYTES)
