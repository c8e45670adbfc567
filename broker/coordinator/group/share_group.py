"""A share group (KIP-932): who is in it and which partitions each member reads.

Membership is that of KIP-848 made simple: several members may read one partition, so nothing has
to be given up before it is given to somebody else, and a member is at its target with its next
heartbeat. Partitions are given once the share coordinator keeps a state of them, at an epoch of
their own: never with the heartbeat that subscribes to them, as in Kafka. What becomes of the
records is the business of broker.coordinator.share.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

from broker.coordinator.group.assignors import Assignment, Partition
from broker.coordinator.group.consumer_group import ConsumerGroupState, from_topics, to_topics
from broker.coordinator.group.messages import Moment
from broker.coordinator.group.record_parts import TargetAssignmentMetadata, TargetTopics
from broker.coordinator.group.records import Record
from broker.coordinator.group.share_records import (
    ShareGroupCurrentMemberAssignmentKey,
    ShareGroupCurrentMemberAssignmentValue,
    ShareGroupMemberMetadataKey,
    ShareGroupMemberMetadataValue,
    ShareGroupMetadataKey,
    ShareGroupMetadataValue,
    ShareGroupStatePartitionMetadataKey,
    ShareGroupStatePartitionMetadataValue,
    ShareGroupTargetAssignmentMemberKey,
    ShareGroupTargetAssignmentMetadataKey,
    TopicPartitionsInfo,
)
from broker.coordinator.group.subscribed import metadata_hash
from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage

NEVER = float("inf")
JOINING, LEAVING = 0, -1
SIMPLE_ASSIGNOR = "simple"
SOON_MS = 50
"""When a member should ask again that waits for partitions without a state. Apache Kafka lets it
wait for a whole interval: five seconds without records."""
Partitions = frozenset[Partition]


@dataclass(frozen=True, slots=True)
class ShareMember:
    member_id: str
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    topic_names: frozenset[str] = frozenset()
    epoch: int = JOINING
    previous_epoch: int = JOINING
    assigned: Partitions = frozenset()


@dataclass(frozen=True, slots=True)
class ShareHeartbeat:
    """`topic_names` None: as before."""

    group_id: str
    member_id: str
    member_epoch: int
    client_id: str
    client_host: str
    rack_id: str | None = None
    topic_names: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ShareHeartbeatResponse:
    """`assignment` None: as before. `uninitialized` partitions are read and have no state yet."""

    member_id: str
    member_epoch: int
    heartbeat_interval_ms: int = 0
    assignment: Partitions | None = None
    uninitialized: Partitions = frozenset()


@dataclass(frozen=True, slots=True)
class ShareLimits:
    """Settings that bound the members of a share group."""

    session_timeout_ms: int = 45_000
    heartbeat_interval_ms: int = 5_000
    members_max: int = 200


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
    def state(self) -> ConsumerGroupState:
        return ConsumerGroupState.STABLE if self.members else ConsumerGroupState.EMPTY

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


class ShareDraft:
    """A group under change: `group` already shows what `records` will make of it."""

    def __init__(self, group: ShareGroup, image: ClusterImage) -> None:
        self.group = group.copy()
        self.image = image
        self.records: list[Record] = []

    def put(self, *records: Record) -> None:
        for record in records:
            self.group.apply(record)
            self.records.append(record)

    def rebalance(self) -> None:
        """A new epoch with a new target."""
        group = self.group
        epoch = group.epoch + 1
        digest = metadata_hash(group.subscribed_topics(), self.image)
        key = ShareGroupMetadataKey(group.group_id)
        self.put(Record(key, ShareGroupMetadataValue(epoch, digest)))
        target = assign_simply(group, self.image)
        self.put(
            *(
                group.target_record(member_id, partitions)
                for member_id, partitions in target.items()
                if group.target.get(member_id) != partitions
            )
        )
        target_key = ShareGroupTargetAssignmentMetadataKey(group.group_id)
        self.put(Record(target_key, TargetAssignmentMetadata(epoch)))


def assign_simply(group: ShareGroup, image: ClusterImage) -> Assignment:
    """Kafka's `simple` assignor: every partition has a reader, and every member something to read.

    With fewer members than partitions each partition has one reader; with more, members share.
    Topics that do not exist and partitions without a state are left out.
    """
    target: dict[str, set[Partition]] = {member: set() for member in group.members}
    topics = [image.topics[name] for name in group.subscribed_topics() & image.topics.keys()]
    for topic in sorted(topics, key=attrgetter("topic_id")):
        indexes = sorted(group.initialized.get(topic.topic_id, ()))
        readers = sorted(m.member_id for m in group.members.values() if topic.name in m.topic_names)
        for turn in range(max(len(indexes), len(readers)) if indexes else 0):
            partition = topic.topic_id, indexes[turn % len(indexes)]
            target[readers[turn % len(readers)]].add(partition)
    return {member: frozenset(partitions) for member, partitions in target.items()}


def heartbeat(
    draft: ShareDraft, request: ShareHeartbeat, limits: ShareLimits
) -> ShareHeartbeatResponse:
    """The answer, with all its consequences in the draft. Raises KafkaError when refused."""
    _validate(request)
    group = draft.group
    if request.member_epoch == LEAVING:
        if request.member_id not in group.members:
            raise _unknown(request)
        remove(draft, [request.member_id])
        return ShareHeartbeatResponse(request.member_id, LEAVING)
    before = _admit(group, request, limits)
    _subscribe(draft, before, _updated(before, request))
    target = group.target.get(request.member_id, frozenset())
    joins = request.member_epoch == JOINING
    if before.epoch != group.target_epoch or target != before.assigned or joins:
        current = replace(
            group.members[request.member_id],
            epoch=group.target_epoch,
            previous_epoch=before.epoch,
            assigned=target,
        )
        draft.put(group.current_record(current))
    told_anew = joins or request.topic_names is not None or target != before.assigned
    uninitialized = group.uninitialized(draft.image)
    interval_ms = limits.heartbeat_interval_ms
    return ShareHeartbeatResponse(
        member_id=request.member_id,
        member_epoch=group.target_epoch,
        heartbeat_interval_ms=min(interval_ms, SOON_MS) if uninitialized else interval_ms,
        assignment=target if told_anew else None,
        uninitialized=uninitialized,
    )


def _updated(member: ShareMember, request: ShareHeartbeat) -> ShareMember:
    return replace(
        member,
        rack_id=request.rack_id or member.rack_id,
        client_id=request.client_id,
        client_host=request.client_host,
        topic_names=member.topic_names if request.topic_names is None else request.topic_names,
    )


def _subscribe(draft: ShareDraft, before: ShareMember, updated: ShareMember) -> None:
    """Write down what the member says of itself, and share out anew what that changes."""
    group = draft.group
    is_new = updated.member_id not in group.members
    if is_new or updated != before:
        draft.put(group.member_record(updated))
    if (
        is_new
        or updated.topic_names != before.topic_names
        or metadata_hash(group.subscribed_topics(), draft.image) != group.metadata_hash
        or group.waits_for_assignment(draft.image)
    ):
        draft.rebalance()


def _validate(request: ShareHeartbeat) -> None:
    problem = None
    if not request.member_id:
        problem = "MemberId can't be empty."
    elif request.rack_id == "":
        problem = "RackId can't be empty."
    elif request.member_epoch < LEAVING:
        problem = "MemberEpoch is invalid."
    elif request.member_epoch == JOINING and not request.topic_names:
        problem = "SubscribedTopicNames must be set in first request."
    if problem is not None:
        raise KafkaError(ErrorCode.INVALID_REQUEST, problem)


def _admit(group: ShareGroup, request: ShareHeartbeat, limits: ShareLimits) -> ShareMember:
    """The member as it is; a new one only at epoch 0."""
    member = group.members.get(request.member_id)
    if member is None:
        if request.member_epoch != JOINING:
            raise _unknown(request)
        if len(group.members) >= limits.members_max:
            raise KafkaError(
                ErrorCode.GROUP_MAX_SIZE_REACHED, f"the group has {limits.members_max} members"
            )
        return ShareMember(request.member_id)
    if request.member_epoch not in (JOINING, member.epoch, member.previous_epoch):
        raise KafkaError(
            ErrorCode.FENCED_MEMBER_EPOCH,
            f"The share group member has epoch {request.member_epoch}, not {member.epoch}. "
            "The member must abandon all its partitions and rejoin.",
        )
    return member


def _unknown(request: ShareHeartbeat) -> KafkaError:
    return KafkaError(
        ErrorCode.UNKNOWN_MEMBER_ID,
        f"Member {request.member_id} is not a member of group {request.group_id}.",
    )


def remove(draft: ShareDraft, member_ids: Iterable[str]) -> None:
    """Members are gone; the others take their partitions over."""
    gone = list(member_ids)
    for member_id in gone:
        draft.put(*draft.group.member_tombstones(member_id))
    if gone:
        draft.rebalance()


def late_members(group: ShareGroup, now: Moment) -> list[str]:
    """Members that were silent for a session."""
    ends: Mapping[str, float] = group.session_ends_at
    return [member_id for member_id, ends_at in ends.items() if ends_at <= now.monotonic_ms]
