"""What clients ask of a classic group and what they are told, free of protocol versions.

`Answer` pairs a response with the token its request was parked under; a `Step` is all that one
event did to a group: the records to append and the answers that may leave once they are committed.
"""

from dataclasses import dataclass, field
from typing import Generic

from broker.coordinator.group.asking import Sees, sees_all
from broker.coordinator.group.classic.member import Protocol, Token
from broker.coordinator.group.record_parts import Record
from broker.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """JoinGroup. An empty `member_id` asks for a new one, `new_member_id` (chosen by the caller:
    the state machine draws no random numbers)."""

    group_id: str
    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocol_type: str
    protocols: tuple[Protocol, ...]
    new_member_id: str
    requires_known_member_id: bool
    """v4+: a new dynamic member must come back with the id it was given (KIP-394)."""
    supports_skipping_assignment: bool
    """v9+: a static leader may be told to skip the assignment (KIP-814)."""
    sees: Sees = sees_all
    """In a KIP-848 group: the topics that its expressions may find on behalf of this member."""


@dataclass(frozen=True, slots=True)
class JoinedMember:
    """A member in the answer to the leader, who makes the assignment from it."""

    member_id: str
    group_instance_id: str | None
    metadata: bytes


@dataclass(frozen=True, slots=True)
class JoinResponse:
    """Answer to JoinGroup; `members` is filled for the leader only."""

    error: ErrorCode
    member_id: str
    generation: int = -1
    protocol_type: str | None = None
    protocol_name: str | None = None
    leader: str = ""
    skip_assignment: bool = False
    members: tuple[JoinedMember, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """SyncGroup; `assignments` (member id -> opaque bytes) comes from the leader only."""

    group_id: str
    generation: int
    member_id: str
    group_instance_id: str | None
    protocol_type: str | None
    protocol_name: str | None
    assignments: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class SyncResponse:
    """A member's part of the assignment, as its leader encoded it."""

    error: ErrorCode
    protocol_type: str | None = None
    protocol_name: str | None = None
    assignment: bytes = b""


@dataclass(frozen=True, slots=True)
class MemberIdentity:
    """A member as LeaveGroup names it; an empty `member_id` means "whoever holds the instance"."""

    member_id: str
    group_instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class LeaveResult:
    """What became of one member that was to leave."""

    identity: MemberIdentity
    error: ErrorCode


@dataclass(frozen=True, slots=True)
class Answer(Generic[Token]):
    """A response for a request that waited under `token`."""

    token: Token
    response: JoinResponse | SyncResponse


@dataclass(slots=True)
class Step(Generic[Token]):
    """What one event leads to. Answers must not leave before the records are committed."""

    records: list[Record] = field(default_factory=list)
    answers: list[Answer[Token]] = field(default_factory=list)
    restarts: bool = False
    """The group has another protocol now: its members have to join anew."""
