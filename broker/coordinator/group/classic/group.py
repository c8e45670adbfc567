"""A classic consumer group: its state, the questions asked of it, and how a record changes it.

    Empty -> PreparingRebalance -> CompletingRebalance -> Stable     (and back to PreparingRebalance
                                                                      whenever membership changes)
What is promised to members (generation, who they are, assignments) changes only by `apply` of a
record; who is joining, waiting or late is memory only, lost and rebuilt by a restart. Every
rebalance that completes writes a record *before* members learn the new generation, so that no
restart can hand out the same generation twice. Such a record carries UNDER_WAY as its timestamp
until the leader's assignment is in; a restart begins that rebalance again (Apache Kafka itself
records only the end of a rebalance).
Sources: KIP-62, KIP-134, KIP-345, KIP-394, KIP-814. Rules of the transitions: rebalance.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.classic.member import Member, Protocol, Token
from broker.coordinator.group.classic.messages import JoinedMember
from broker.coordinator.group.classic.records import (
    GroupMetadataKey,
    GroupMetadataValue,
    MemberMetadata,
)
from broker.coordinator.group.record_parts import Record
from broker.errors import ErrorCode, KafkaError
from broker.protocol.primitives import java_hash_bucket

NEVER = float("inf")
UNDER_WAY = -1
"""`current_state_timestamp` of a record whose members have no assignment yet; Kafka: "unknown"."""


class ClassicState(StrEnum):
    """Kafka's names, which DescribeGroups and ListGroups show as they are."""

    EMPTY = "Empty"
    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """The broker's settings that bound a classic group."""

    session_timeout_ms_min: int = 6_000
    session_timeout_ms_max: int = 1_800_000
    initial_rebalance_delay_ms: int = 3_000
    members_max: int = 2**31 - 1
    new_member_join_timeout_ms: int = 300_000  # Kafka's fixed bound for a first JoinGroup


@dataclass(slots=True)
class ClassicGroup(Generic[Token]):
    group_id: str
    limits: GroupLimits = field(default_factory=GroupLimits)
    state: ClassicState = ClassicState.EMPTY
    generation: int = 0
    protocol_type: str | None = None
    protocol_name: str | None = None
    leader: str | None = None
    state_changed_at_ms: int = -1
    """Wall clock of the last recorded change; offsets of an empty group expire from here."""
    members: dict[str, Member[Token]] = field(default_factory=dict)
    static_members: dict[str, str] = field(default_factory=dict)
    """group_instance_id -> member id"""
    pending_members: dict[str, float] = field(default_factory=dict)
    """Ids handed out by MEMBER_ID_REQUIRED and not yet used -> deadline (KIP-394)."""
    unsynced_members: set[str] = field(default_factory=set)
    """Who got the newest generation and has not asked for its assignment yet."""
    subscriptions: tuple[bytes, ...] | None = None
    """Of the members of the newest generation; None before the first one."""
    is_first_rebalance: bool = False
    newcomers_since_delay: bool = False
    rebalance_wait_left_ms: float = 0
    join_ends_at: float = NEVER
    sync_ends_at: float = NEVER

    # -- questions ---------------------------------------------------------------------------

    def validate_member(self, member_id: str, group_instance_id: str | None) -> Member[Token]:
        """The member; raises UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID for a replaced static one."""
        if group_instance_id is not None:
            holder = self.static_members.get(group_instance_id)
            if holder is None:
                raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"no instance {group_instance_id}")
            if holder != member_id:
                raise KafkaError(
                    ErrorCode.FENCED_INSTANCE_ID,
                    f"instance {group_instance_id} is member {holder} now, not {member_id}",
                )
        member = self.members.get(member_id)
        if member is None:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"no member {member_id!r}")
        return member

    def validate_generation(self, generation: int) -> None:
        """Raises ILLEGAL_GENERATION unless `generation` is the current one."""
        if generation != self.generation:
            raise KafkaError(
                ErrorCode.ILLEGAL_GENERATION, f"generation {generation} is not {self.generation}"
            )

    def supports(self, protocol_type: str, protocols: Iterable[Protocol]) -> bool:
        """Whether someone offering these could be a member: one protocol must suit everybody."""
        names = {protocol.name for protocol in protocols}
        if not protocol_type or not names:
            return False
        if not self.members:
            return True
        return protocol_type == self.protocol_type and bool(names & self.common_protocols())

    def common_protocols(self) -> frozenset[str]:
        """Protocols that every member offers."""
        offers = [{protocol.name for protocol in m.protocols} for m in self.members.values()]
        return frozenset(set.intersection(*offers)) if offers else frozenset()

    def elect_protocol(self) -> str:
        """Each member votes for what it likes best of what all can do; of equals wins the one that
        comes first in a hash map of Java, so that the outcome is Kafka's."""
        candidates = self.common_protocols()
        votes = Counter(member.vote(candidates) for member in self.members.values())
        return min(votes, key=lambda name: (-votes[name], java_hash_bucket(name)))

    def is_leader(self, member_id: str) -> bool:
        return self.leader == member_id

    def may_rebalance(self) -> bool:
        return self.state in (
            ClassicState.EMPTY,
            ClassicState.STABLE,
            ClassicState.COMPLETING_REBALANCE,
        )

    def all_joined(self) -> bool:
        """Nobody is still on the way to the rebalance."""
        return not self.pending_members and all(
            member.parked_join is not None for member in self.members.values()
        )

    def is_full_for(self, member_id: str) -> bool:
        """Whether `group.max.size` keeps this member out; who is in already stays in."""
        if self.state is ClassicState.EMPTY:
            return False
        member = self.members.get(member_id)
        if self.state is ClassicState.PREPARING_REBALANCE:
            parked = sum(other.parked_join is not None for other in self.members.values())
            joined_already = member is not None and member.parked_join is not None
            return not joined_already and parked >= self.limits.members_max
        return member is None and len(self.members) >= self.limits.members_max

    def rebalance_timeout_ms(self) -> int:
        """The longest any member may take to rejoin."""
        return max((m.rebalance_timeout_ms for m in self.members.values()), default=0)

    def next_deadline(self) -> float:
        """When `rebalance.expire` has something to do next; infinite if never."""
        return min(
            self.join_ends_at,
            self.sync_ends_at,
            min(self.pending_members.values(), default=NEVER),
            min((m.session_ends_at for m in self.members.values()), default=NEVER),
        )

    def joined_members(self, protocol_name: str | None) -> tuple[JoinedMember, ...]:
        """All members as the leader is shown them."""
        return tuple(
            JoinedMember(m.member_id, m.group_instance_id, m.metadata_for(protocol_name))
            for m in self.members.values()
        )

    def parked_tokens(self) -> list[Token]:
        """Every request that waits here, for the case that the group must be dropped."""
        parked = [(m.parked_join, m.parked_sync) for m in self.members.values()]
        return [token for pair in parked for token in pair if token is not None]

    # -- records -----------------------------------------------------------------------------

    def to_record(
        self,
        now: Moment,
        *,
        generation: int,
        protocol_name: str | None,
        assignments: dict[str, bytes] | None = None,
    ) -> Record:
        """The group's record with these members; without `assignments` they keep what they have
        until the new ones are made."""
        is_under_way = bool(self.members) and assignments is None
        members = tuple(
            MemberMetadata(
                member_id=m.member_id,
                group_instance_id=m.group_instance_id,
                client_id=m.client_id,
                client_host=m.client_host,
                rebalance_timeout=m.rebalance_timeout_ms,
                session_timeout=m.session_timeout_ms,
                subscription=m.metadata_for(protocol_name),
                assignment=m.assignment if assignments is None else assignments[m.member_id],
            )
            for m in self.members.values()
        )
        value = GroupMetadataValue(
            protocol_type=self.protocol_type or "",
            generation=generation,
            protocol=protocol_name,
            leader=self.leader if members else None,
            current_state_timestamp=UNDER_WAY if is_under_way else now.wall_ms,
            members=list(members),
        )
        return Record(GroupMetadataKey(self.group_id), value)

    def tombstones(self) -> list[Record]:
        """Records that forget the group."""
        return [Record(GroupMetadataKey(self.group_id), None)]

    def apply(self, value: GroupMetadataValue) -> None:
        """Become what the record says; what only memory knows of the same members is kept."""
        self.generation = value.generation
        self.protocol_type = value.protocol_type or None
        self.protocol_name = value.protocol
        self.leader = value.leader
        self.state_changed_at_ms = value.current_state_timestamp
        self.subscriptions = tuple(bytes(m.subscription) for m in value.members)
        self.members = {m.member_id: self._member_from(m, value.protocol) for m in value.members}
        self.static_members = {
            m.group_instance_id: m.member_id
            for m in self.members.values()
            if m.group_instance_id is not None
        }
        if not self.members:
            self.state = ClassicState.EMPTY
        elif value.current_state_timestamp == UNDER_WAY:
            self.state = ClassicState.COMPLETING_REBALANCE
        else:
            self.state = ClassicState.STABLE

    def _member_from(self, persisted: MemberMetadata, protocol: str | None) -> Member[Token]:
        member = self.members.get(persisted.member_id)
        if member is None:
            member = Member(
                member_id=persisted.member_id,
                group_instance_id=persisted.group_instance_id,
                client_id=persisted.client_id,
                client_host=persisted.client_host,
                rebalance_timeout_ms=persisted.rebalance_timeout,
                session_timeout_ms=persisted.session_timeout,
                protocols=(Protocol(protocol or "", bytes(persisted.subscription)),),
            )
        member.assignment = bytes(persisted.assignment)
        return member
