"""A share group (KIP-932): who is in it and which partitions each member reads.

Membership is that of KIP-848 made simple: several members may read one partition, so nothing has
to be given up before it is given to somebody else, and a member is at its target with its next
heartbeat. Partitions are given once the share coordinator keeps a state of them, at an epoch of
their own: never with the heartbeat that subscribes to them, as in Kafka. What becomes of the
records is the business of broker.coordinator.share.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.partitions import Assignment, Partitions, from_topics, to_topics
from broker.coordinator.group.record_parts import Record, TargetTopics
from broker.coordinator.group.share.messages import ShareLimits
from broker.coordinator.group.share.records import (
    ShareGroupCurrentMemberAssignmentKey,
    ShareGroupCurrentMemberAssignmentValue,
    ShareGroupMemberMetadataKey,
    ShareGroupMemberMetadataValue,
    ShareGroupMetadataKey,
    ShareGroupStatePartitionMetadataKey,
    ShareGroupStatePartitionMetadataValue,
    ShareGroupTargetAssignmentMemberKey,
    ShareGroupTargetAssignmentMetadataKey,
    TopicPartitionsInfo,
)
from broker.metadata.image import ClusterImage

NEVER = float("inf")
JOINING, LEAVING = 0, -1
SIMPLE_ASSIGNOR = "simple"


class ShareGroupState(StrEnum):
    """KIP-932's states of a group, in Kafka's words."""

    EMPTY = "Empty"
    STABLE = "Stable"


@dataclass(frozen=True, slots=True)
class ShareMember:
    """One member: what it subscribes to, and the epochs of its assignment."""

    member_id: str
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    topic_names: frozenset[str] = frozenset()
    epoch: int = JOINING
    previous_epoch: int = JOINING
    assigned: Partitions = frozenset()


@dataclass(slots=True)
class ShareGroup:
    group_id: str
    epoch: int = 0
    metadata_hash: int = 0
    target_epoch: int = 0
    members: dict[str, ShareMember] = field(default_factory=dict)
    target: Assignment = field(default_factory=dict)
    session_ends_at: dict[str, float] = field(default_factory=dict)
    initialized: dict[bytes, frozenset[int]] = field(default_factory=dict)
    """By topic id: the partitions of which the share coordinator keeps a state."""
    given_of: dict[bytes, frozenset[int]] | None = None
    """`initialized` as it was, the same object, when the target was made."""

    @property
    def state(self) -> ShareGroupState:
        return ShareGroupState.STABLE if self.members else ShareGroupState.EMPTY

    def subscribed_topics(self) -> frozenset[str]:
        return frozenset[str]().union(*(m.topic_names for m in self.members.values()))

    def subscribed_partitions(self, image: ClusterImage) -> Partitions:
        topics = [image.topics[name] for name in self.subscribed_topics() & image.topics.keys()]
        return frozenset((t.topic_id, index) for t in topics for index in range(len(t.partitions)))

    def uninitialized(self, image: ClusterImage) -> Partitions:
        """Partitions that the group reads, and of which there is no state yet."""
        topics = [image.topics[name] for name in self.subscribed_topics() & image.topics.keys()]
        return frozenset(
            (topic.topic_id, index)
            for topic in topics
            if len(known := self.initialized.get(topic.topic_id, ())) < len(topic.partitions)
            for index in range(len(topic.partitions))
            if index not in known
        )

    def waits_for_assignment(self, image: ClusterImage) -> bool:
        """Whether a partition has a state by now and nobody reads it."""
        if self.given_of is self.initialized:
            return False
        given = Partitions().union(*self.target.values())
        missing = self.subscribed_partitions(image) - given
        return bool(missing - self.uninitialized(image))

    def next_deadline(self) -> float:
        return min(self.session_ends_at.values(), default=NEVER)

    def parked_tokens(self) -> list[Any]:
        """Nothing waits here: heartbeats are answered at once."""
        return []

    def touch(self, member_id: str, now: Moment, limits: ShareLimits) -> None:
        """The member lives: its session starts anew."""
        self.session_ends_at[member_id] = now.monotonic_ms + limits.session_timeout_ms

    # -- records -----------------------------------------------------------------------------

    def member_record(self, member: ShareMember) -> Record:
        value = ShareGroupMemberMetadataValue(
            rack_id=member.rack_id,
            client_id=member.client_id,
            client_host=member.client_host,
            subscribed_topic_names=sorted(member.topic_names),
        )
        return Record(ShareGroupMemberMetadataKey(self.group_id, member.member_id), value)

    def current_record(self, member: ShareMember) -> Record:
        value = ShareGroupCurrentMemberAssignmentValue(
            member_epoch=member.epoch,
            previous_member_epoch=member.previous_epoch,
            assigned_partitions=to_topics(member.assigned),
        )
        return Record(ShareGroupCurrentMemberAssignmentKey(self.group_id, member.member_id), value)

    def target_record(self, member_id: str, partitions: Partitions) -> Record:
        value = TargetTopics(to_topics(partitions))
        return Record(ShareGroupTargetAssignmentMemberKey(self.group_id, member_id), value)

    def initialized_record(
        self, initialized: Mapping[bytes, frozenset[int]], image: ClusterImage
    ) -> Record:
        """These partitions have a state; topics that were deleted are left out."""
        names = image.names_by_id
        topics = [
            TopicPartitionsInfo(topic_id, names[topic_id], sorted(partitions))
            for topic_id, partitions in sorted(initialized.items())
            if topic_id in names
        ]
        value = ShareGroupStatePartitionMetadataValue([], topics, [])
        return Record(ShareGroupStatePartitionMetadataKey(self.group_id), value)

    def member_tombstones(self, member_id: str) -> list[Record]:
        return [
            Record(ShareGroupCurrentMemberAssignmentKey(self.group_id, member_id), None),
            Record(ShareGroupTargetAssignmentMemberKey(self.group_id, member_id), None),
            Record(ShareGroupMemberMetadataKey(self.group_id, member_id), None),
        ]

    def tombstones(self) -> list[Record]:
        """Records that forget the whole group."""
        records = [r for member_id in self.members for r in self.member_tombstones(member_id)]
        records.append(Record(ShareGroupTargetAssignmentMetadataKey(self.group_id), None))
        if self.initialized:
            records.append(Record(ShareGroupStatePartitionMetadataKey(self.group_id), None))
        records.append(Record(ShareGroupMetadataKey(self.group_id), None))
        return records

    # -- changes -----------------------------------------------------------------------------

    def copy(self) -> "ShareGroup":
        """The same group, to try records on."""
        return replace(
            self,
            members=dict(self.members),
            target=dict(self.target),
            session_ends_at=dict(self.session_ends_at),
        )

    def apply(self, record: Record) -> None:
        """Become what the record says."""
        value = record.value
        match record.key:
            case ShareGroupMetadataKey():
                self.epoch = value.epoch if value else 0
                self.metadata_hash = value.metadata_hash if value else 0
            case ShareGroupTargetAssignmentMetadataKey():
                self.target_epoch = value.assignment_epoch if value else 0
                self.given_of = self.initialized
            case ShareGroupMemberMetadataKey(member_id=member_id):
                self._put_member(member_id, value)
            case ShareGroupTargetAssignmentMemberKey(member_id=member_id):
                if value is None:
                    self.target.pop(member_id, None)
                else:
                    self.target[member_id] = from_topics(value.topic_partitions)
            case ShareGroupCurrentMemberAssignmentKey(member_id=member_id):
                self._put_current(member_id, value)
            case ShareGroupStatePartitionMetadataKey():
                topics = value.initialized_topics if value else []
                self.initialized = {t.topic_id: frozenset(t.partitions) for t in topics}

    def _put_member(self, member_id: str, value: ShareGroupMemberMetadataValue | None) -> None:
        if value is None:
            self.members.pop(member_id, None)
            self.session_ends_at.pop(member_id, None)
            return
        self.members[member_id] = replace(
            self.members.get(member_id) or ShareMember(member_id),
            rack_id=value.rack_id,
            client_id=value.client_id,
            client_host=value.client_host,
            topic_names=frozenset(value.subscribed_topic_names),
        )

    def _put_current(
        self, member_id: str, value: ShareGroupCurrentMemberAssignmentValue | None
    ) -> None:
        if value is None:
            if member_id in self.members:
                self.members[member_id] = replace(
                    self.members[member_id], epoch=0, previous_epoch=0, assigned=frozenset()
                )
            return
        self.members[member_id] = replace(
            self.members.get(member_id) or ShareMember(member_id),
            epoch=value.member_epoch,
            previous_epoch=value.previous_member_epoch,
            assigned=from_topics(value.assigned_partitions),
        )
