"""ShareGroupHeartbeat: join, live and leave a share group by one request (KIP-932)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import attrgetter

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.partitions import Assignment, Partition
from broker.coordinator.group.record_parts import Record, TargetAssignmentMetadata
from broker.coordinator.group.share.group import JOINING, LEAVING, ShareGroup, ShareMember
from broker.coordinator.group.share.messages import (
    ShareHeartbeat,
    ShareHeartbeatResponse,
    ShareLimits,
)
from broker.coordinator.group.share.records import (
    ShareGroupMetadataKey,
    ShareGroupMetadataValue,
    ShareGroupTargetAssignmentMetadataKey,
)
from broker.coordinator.group.subscribed import metadata_hash
from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage

SOON_MS = 50
"""When a member should ask again that waits for partitions without a state. Apache Kafka lets it
wait for a whole interval: five seconds without records."""


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
    if request.rack_id == "":
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
