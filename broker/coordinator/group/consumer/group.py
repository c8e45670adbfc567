"""A KIP-848 consumer group: its state, the questions asked of it, and how a record changes it.

Three epochs: `epoch` grows with every change of members, subscriptions or topics; `target_epoch` is
the one the target assignment was computed for; each member's own epoch follows as it reconciles.
Everything below is recorded except the deadlines, which begin anew after a restart.
Source: KIP-848. What members may do to it: heartbeat.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from broker.coordinator.group.consumer.assignors import DEFAULT_ASSIGNOR
from broker.coordinator.group.consumer.records import (
    ClassicMemberMetadata,
    ConsumerGroupCurrentMemberAssignmentKey,
    ConsumerGroupCurrentMemberAssignmentValue,
    ConsumerGroupMemberMetadataKey,
    ConsumerGroupMemberMetadataValue,
    ConsumerGroupMetadataKey,
    ConsumerGroupRegularExpressionKey,
    ConsumerGroupRegularExpressionValue,
    ConsumerGroupTargetAssignmentMemberKey,
    ConsumerGroupTargetAssignmentMetadataKey,
)
from broker.coordinator.group.partitions import (
    Assignment,
    Partition,
    Partitions,
    from_topics,
    to_topics,
)
from broker.coordinator.group.record_parts import Record, TargetTopics

NEVER = float("inf")
JOINING = 0
LEAVING = -1
LEAVING_FOR_A_MOMENT = -2
"""Epochs with a meaning of their own: the last is that of a static member that will come back."""


class MemberState(IntEnum):
    """Kafka's numbers in the record of a member's current assignment."""

    STABLE = 0
    UNREVOKED_PARTITIONS = 1
    UNRELEASED_PARTITIONS = 2


class ConsumerGroupState(StrEnum):
    """KIP-848's states of a group, in Kafka's words."""

    EMPTY = "Empty"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"
    DEAD = "Dead"


@dataclass(frozen=True, slots=True)
class Ownership:
    """What a member owns: `assigned` it may read, `revoking` it was told to give up."""

    epoch: int = JOINING
    previous_epoch: int = JOINING
    state: MemberState = MemberState.STABLE
    assigned: Partitions = frozenset()
    revoking: Partitions = frozenset()

    @property
    def held(self) -> Partitions:
        """What nobody else may be given."""
        return self.assigned | self.revoking


@dataclass(frozen=True, slots=True)
class ConsumerMember:
    """What a member said of itself, and what it owns."""

    member_id: str
    instance_id: str | None = None
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    rebalance_timeout_ms: int = -1
    topic_names: frozenset[str] = frozenset()
    topic_regex: str | None = None
    assignor: str | None = None
    owns: Ownership = field(default_factory=Ownership)
    classic: ClassicMemberMetadata | None = None
    """What a member that speaks the classic protocol said in JoinGroup (online migration)."""


@dataclass(frozen=True, slots=True)
class ResolvedRegex:
    """The topics that an expression matched at `version` of the metadata."""

    topics: frozenset[str]
    version: int


@dataclass(slots=True)
class ConsumerGroup:
    group_id: str
    epoch: int = 0
    metadata_hash: int = 0
    target_epoch: int = 0
    members: dict[str, ConsumerMember] = field(default_factory=dict)
    target: Assignment = field(default_factory=dict)
    regexes: dict[str, ResolvedRegex] = field(default_factory=dict)
    static_members: dict[str, str] = field(default_factory=dict)
    owners: dict[Partition, str] = field(default_factory=dict)
    """Who holds a partition: assigned, or not yet given up."""
    session_ends_at: dict[str, float] = field(default_factory=dict)
    revocation_ends_at: dict[str, tuple[int, float]] = field(default_factory=dict)
    """member id -> (its epoch when it was told to revoke, deadline)"""
    calls_end_at: dict[str, float] = field(default_factory=dict)
    """Classic members that were told to join, or have to sync -> until when."""
    resolved_version: int = -1
    """Version of the metadata that the expressions were last held against."""

    # -- questions ---------------------------------------------------------------------------

    @property
    def state(self) -> ConsumerGroupState:
        if not self.members:
            return ConsumerGroupState.EMPTY
        if self.epoch > self.target_epoch:
            return ConsumerGroupState.ASSIGNING
        for member in self.members.values():
            if (
                member.owns.state is not MemberState.STABLE
                or member.owns.epoch != self.target_epoch
            ):
                return ConsumerGroupState.RECONCILING
        return ConsumerGroupState.STABLE

    def topics_of(self, member: ConsumerMember) -> frozenset[str]:
        """Names of the topics a member wants, those of its expression included."""
        if not member.topic_regex:
            return member.topic_names
        resolved = self.regexes.get(member.topic_regex)
        return member.topic_names | (resolved.topics if resolved else frozenset())

    def subscribed_topics(self) -> frozenset[str]:
        return frozenset().union(*(self.topics_of(m) for m in self.members.values()))

    def favourite_assignor(self) -> str:
        """What most members ask for; the default when nobody asks, and of equals."""
        votes = Counter(m.assignor for m in self.members.values() if m.assignor is not None)
        return max(
            votes,
            key=lambda name: (votes[name], name == DEFAULT_ASSIGNOR),
            default=DEFAULT_ASSIGNOR,
        )

    def next_deadline(self) -> float:
        revocations = (ends_at for _, ends_at in self.revocation_ends_at.values())
        return min(
            min(self.session_ends_at.values(), default=NEVER),
            min(revocations, default=NEVER),
            min(self.calls_end_at.values(), default=NEVER),
        )

    def parked_tokens(self) -> list[Any]:
        """Nothing waits here: heartbeats are answered at once."""
        return []

    # -- records -----------------------------------------------------------------------------

    def member_record(self, member: ConsumerMember) -> Record:
        value = ConsumerGroupMemberMetadataValue(
            instance_id=member.instance_id,
            rack_id=member.rack_id,
            client_id=member.client_id,
            client_host=member.client_host,
            subscribed_topic_names=sorted(member.topic_names),
            subscribed_topic_regex=member.topic_regex,
            rebalance_timeout_ms=member.rebalance_timeout_ms,
            server_assignor=member.assignor,
            classic_member_metadata=member.classic,
        )
        return Record(ConsumerGroupMemberMetadataKey(self.group_id, member.member_id), value)

    def ownership_record(self, member_id: str, owns: Ownership) -> Record:
        value = ConsumerGroupCurrentMemberAssignmentValue(
            member_epoch=owns.epoch,
            previous_member_epoch=owns.previous_epoch,
            state=owns.state,
            assigned_partitions=to_topics(owns.assigned),
            partitions_pending_revocation=to_topics(owns.revoking),
        )
        return Record(ConsumerGroupCurrentMemberAssignmentKey(self.group_id, member_id), value)

    def target_record(self, member_id: str, partitions: Partitions) -> Record:
        value = TargetTopics(to_topics(partitions))
        return Record(ConsumerGroupTargetAssignmentMemberKey(self.group_id, member_id), value)

    def member_tombstones(self, member_id: str) -> list[Record]:
        """Records that forget a member: what it owns first, what it is last."""
        return [
            Record(ConsumerGroupCurrentMemberAssignmentKey(self.group_id, member_id), None),
            Record(ConsumerGroupTargetAssignmentMemberKey(self.group_id, member_id), None),
            Record(ConsumerGroupMemberMetadataKey(self.group_id, member_id), None),
        ]

    def tombstones(self) -> list[Record]:
        """Records that forget the whole group."""
        records = [r for member_id in self.members for r in self.member_tombstones(member_id)]
        records += [
            Record(ConsumerGroupRegularExpressionKey(self.group_id, regex), None)
            for regex in self.regexes
        ]
        records.append(Record(ConsumerGroupTargetAssignmentMetadataKey(self.group_id), None))
        records.append(Record(ConsumerGroupMetadataKey(self.group_id), None))
        return records

    # -- changes -----------------------------------------------------------------------------

    def copy(self) -> "ConsumerGroup":
        """The same group, to try records on."""
        return ConsumerGroup(
            self.group_id,
            self.epoch,
            self.metadata_hash,
            self.target_epoch,
            dict(self.members),
            dict(self.target),
            dict(self.regexes),
            dict(self.static_members),
            dict(self.owners),
            dict(self.session_ends_at),
            dict(self.revocation_ends_at),
            dict(self.calls_end_at),
            self.resolved_version,
        )

    def apply(self, record: Record) -> None:
        """Become what the record says."""
        value = record.value
        match record.key:
            case ConsumerGroupMetadataKey():
                self.epoch = value.epoch if value else 0
                self.metadata_hash = value.metadata_hash if value else 0
            case ConsumerGroupTargetAssignmentMetadataKey():
                self.target_epoch = value.assignment_epoch if value else 0
            case ConsumerGroupMemberMetadataKey(member_id=member_id):
                self._put_member(member_id, value)
            case ConsumerGroupTargetAssignmentMemberKey(member_id=member_id):
                self._put_target(member_id, value)
            case ConsumerGroupCurrentMemberAssignmentKey(member_id=member_id):
                self._put_ownership(member_id, value)
            case ConsumerGroupRegularExpressionKey(regular_expression=regex):
                self._put_regex(regex, value)

    def _put_regex(self, regex: str, value: ConsumerGroupRegularExpressionValue | None) -> None:
        if value is None:
            self.regexes.pop(regex, None)
        else:
            topics = frozenset(value.topics)
            self.regexes[regex] = ResolvedRegex(topics, value.version)

    def _put_member(self, member_id: str, value: ConsumerGroupMemberMetadataValue | None) -> None:
        known = self.members.get(member_id)
        if value is None:
            self._forget_member(member_id)
            return
        self.members[member_id] = ConsumerMember(
            member_id=member_id,
            instance_id=value.instance_id,
            rack_id=value.rack_id,
            client_id=value.client_id,
            client_host=value.client_host,
            rebalance_timeout_ms=value.rebalance_timeout_ms,
            topic_names=frozenset(value.subscribed_topic_names),
            topic_regex=value.subscribed_topic_regex,
            assignor=value.server_assignor,
            owns=known.owns if known else Ownership(),
            classic=value.classic_member_metadata,
        )
        if value.instance_id is not None:
            self.static_members[value.instance_id] = member_id

    def _forget_member(self, member_id: str) -> None:
        member = self.members.pop(member_id, None)
        self.session_ends_at.pop(member_id, None)
        self.revocation_ends_at.pop(member_id, None)
        self.calls_end_at.pop(member_id, None)
        if member is None:
            return
        self._release(member)
        instance = member.instance_id
        if instance is not None and self.static_members.get(instance) == member_id:
            del self.static_members[instance]

    def _put_ownership(
        self, member_id: str, value: ConsumerGroupCurrentMemberAssignmentValue | None
    ) -> None:
        member = self.members.get(member_id)
        if member is None:
            if value is None:
                return
            # Compaction may put it before the member's own record, which follows then.
            member = ConsumerMember(member_id)
        self._release(member)
        owns = Ownership()
        if value is not None:
            owns = Ownership(
                epoch=value.member_epoch,
                previous_epoch=value.previous_member_epoch,
                state=MemberState(value.state),
                assigned=from_topics(value.assigned_partitions),
                revoking=from_topics(value.partitions_pending_revocation),
            )
        self.owners.update(dict.fromkeys(owns.held, member_id))
        self.members[member_id] = with_ownership(member, owns)

    def _release(self, member: ConsumerMember) -> None:
        for partition in member.owns.held:
            if self.owners.get(partition) == member.member_id:
                del self.owners[partition]

    def _put_target(self, member_id: str, value: TargetTopics | None) -> None:
        if value is None:
            self.target.pop(member_id, None)
        else:
            self.target[member_id] = from_topics(value.topic_partitions)


def with_ownership(member: ConsumerMember, owns: Ownership) -> ConsumerMember:
    return ConsumerMember(
        member.member_id,
        member.instance_id,
        member.rack_id,
        member.client_id,
        member.client_host,
        member.rebalance_timeout_ms,
        member.topic_names,
        member.topic_regex,
        member.assignor,
        owns,
        member.classic,
    )
