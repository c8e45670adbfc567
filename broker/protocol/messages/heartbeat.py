"""Heartbeat (API key 12): keeps a member of a classic group alive."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import INT16, INT32, STRING, wire


@dataclass(slots=True)
class HeartbeatRequest:
    API_KEY: ClassVar = ApiKey.HEARTBEAT
    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar = (0, 4)

    group_id: str = wire(STRING)
    generation_id: int = wire(INT32)
    member_id: str = wire(STRING)
    group_instance_id: str | None = wire(STRING, since=3, nullable=3, default=None)


@dataclass(slots=True)
class HeartbeatResponse:
    API_KEY: ClassVar = ApiKey.HEARTBEAT
    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar = (0, 4)

    throttle_time_ms: int = wire(INT32, since=1)
    error_code: int = wire(INT16)
