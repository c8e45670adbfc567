"""Records of classic groups in __consumer_offsets: type 2."""

from dataclasses import dataclass
from typing import Any, ClassVar

from broker.protocol.schema import ARRAY, BYTES, INT32, INT64, STRING, wire


@dataclass(frozen=True, slots=True)
class GroupMetadataKey:
    """A classic group."""

    TYPE: ClassVar[int] = 2
    FLEXIBLE_SINCE: ClassVar[int | None] = None
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    group: str = wire(STRING)


@dataclass(slots=True)
class MemberMetadata:
    """A member of a classic group; timeouts in milliseconds, host as `/1.2.3.4`."""

    member_id: str = wire(STRING)
    group_instance_id: str | None = wire(STRING, since=3, nullable=3, default=None)
    client_id: str = wire(STRING)
    client_host: str = wire(STRING)
    rebalance_timeout: int = wire(INT32, since=1, default=-1)
    session_timeout: int = wire(INT32)
    subscription: bytes = wire(BYTES)
    assignment: bytes = wire(BYTES)


@dataclass(slots=True)
class GroupMetadataValue:
    """A classic group at one generation; `current_state_timestamp` in ms, -1: unknown."""

    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar[tuple[int, int]] = (0, 4)
    protocol_type: str = wire(STRING)
    generation: int = wire(INT32)
    protocol: str | None = wire(STRING, nullable=0, default=None)
    leader: str | None = wire(STRING, nullable=0, default=None)
    current_state_timestamp: int = wire(INT64, since=2, default=-1)
    members: list[MemberMetadata] = wire(ARRAY(MemberMetadata))


CLASSIC_TYPES: dict[int, tuple[type[Any], type[Any], int]] = {
    2: (GroupMetadataKey, GroupMetadataValue, 3),
}
"""type -> key, value, version of the value that we write"""
