"""A member of a classic consumer group, as its coordinator knows it.

The persisted half (ids, host, timeouts, subscription, assignment) is what the group's record in
__consumer_offsets holds; the rest (deadlines, parked answers) lives in memory and starts anew after
a restart.
"""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

Token = TypeVar("Token")
"""Whatever the caller parks: the pure state machine only hands it back with its answer."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """A way to share partitions that a member offers, with its opaque subscription bytes."""

    name: str
    metadata: bytes


@dataclass(slots=True)
class Member(Generic[Token]):
    """One member. `*_at` are deadlines on the monotonic clock, milliseconds."""

    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    rebalance_timeout_ms: int
    session_timeout_ms: int
    protocols: tuple[Protocol, ...]
    """In the order the member prefers them."""
    assignment: bytes = b""
    session_ends_at: float = float("inf")
    parked_join: Token | None = None
    parked_sync: Token | None = None
    is_new: bool = field(default=False)
    """Waits for its first JoinGroup answer, so it cannot send heartbeats yet."""

    @property
    def is_static(self) -> bool:
        return self.group_instance_id is not None

    @property
    def is_parked(self) -> bool:
        return self.parked_join is not None or self.parked_sync is not None

    def metadata_for(self, protocol_name: str | None) -> bytes:
        """Subscription bytes under `protocol_name`; empty if the member does not offer it."""
        for protocol in self.protocols:
            if protocol.name == protocol_name:
                return protocol.metadata
        return b""

    def vote(self, candidates: frozenset[str]) -> str:
        """The protocol this member likes best among `candidates`, all of which it offers."""
        return next(protocol.name for protocol in self.protocols if protocol.name in candidates)
