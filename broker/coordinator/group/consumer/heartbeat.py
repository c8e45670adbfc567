"""ConsumerGroupHeartbeat: join, live, reconcile and leave a KIP-848 group by one request.

Decided on a draft: each record is tried on a copy of the group, so that what follows sees it; the
group itself changes when the shard applies the same records. Rules and their order: KIP-848.
"""

from dataclasses import replace

from broker.coordinator.group.asking import Moment, Sees, sees_all
from broker.coordinator.group.consumer.assignors import ASSIGNORS
from broker.coordinator.group.consumer.group import (
    JOINING,
    LEAVING,
    LEAVING_FOR_A_MOMENT,
    ConsumerGroup,
    ConsumerMember,
    MemberState,
    Ownership,
)
from broker.coordinator.group.consumer.messages import (
    ConsumerHeartbeat,
    ConsumerHeartbeatResponse,
    ConsumerLimits,
)
from broker.coordinator.group.consumer.reconciliation import reconcile
from broker.coordinator.group.consumer.records import (
    ConsumerGroupMetadataKey,
    ConsumerGroupMetadataValue,
    ConsumerGroupRegularExpressionKey,
    ConsumerGroupRegularExpressionValue,
    ConsumerGroupTargetAssignmentMetadataKey,
)
from broker.coordinator.group.consumer.subscriptions import subscriptions
from broker.coordinator.group.partitions import Partitions
from broker.coordinator.group.record_parts import Record, TargetAssignmentMetadata
from broker.coordinator.group.subscribed import matching_topics, metadata_hash
from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage


class Draft:
    """A group under change: `group` already shows what `records` will make of it."""

    def __init__(
        self, group: ConsumerGroup, image: ClusterImage, now: Moment, sees: Sees = sees_all
    ) -> None:
        self.original = group
        self.group = group
        self.image = image
        self.now = now
        self.sees = sees
        self.records: list[Record] = []

    def put(self, *records: Record) -> None:
        if self.group is self.original and records:
            self.group = self.original.copy()
        for record in records:
            self.group.apply(record)
            self.records.append(record)

    def bump_epoch(self) -> None:
        """Something that assignments depend on changed."""
        topics = self.group.subscribed_topics()
        value = ConsumerGroupMetadataValue(self.group.epoch + 1, metadata_hash(topics, self.image))
        self.put(Record(ConsumerGroupMetadataKey(self.group.group_id), value))


def heartbeat(
    draft: Draft, request: ConsumerHeartbeat, limits: ConsumerLimits
) -> ConsumerHeartbeatResponse:
    """The answer to a valid request, with all its consequences in the draft. Raises KafkaError when
    refused."""
    if request.member_epoch in (LEAVING, LEAVING_FOR_A_MOMENT):
        return _leave(draft, request)
    before, member_changed = _admit(draft, request, limits)
    owns = advance(draft, request.member_id, request.owned, member_changed=member_changed)
    told_anew = request.member_epoch == JOINING or request.is_full
    changed = owns.assigned != before.assigned
    return ConsumerHeartbeatResponse(
        member_id=request.member_id,
        member_epoch=owns.epoch,
        heartbeat_interval_ms=limits.heartbeat_interval_ms,
        assignment=owns.assigned if told_anew or changed else None,
    )


def advance(
    draft: Draft, member_id: str, owned: Partitions | None, *, member_changed: bool
) -> Ownership:
    """Bring the group up to date, and the member one step closer to what it shall own.

    Expressions are resolved last: the next heartbeat of any member hands out what they found. As
    in Apache Kafka, the first answer to a new expression names topics that were asked for by name.
    """
    if member_changed or _topics_changed(draft):
        draft.bump_epoch()
    if draft.group.epoch > draft.group.target_epoch:
        _assign(draft)
    owns = _reconcile(draft, member_id, owned)
    if _resolve(draft):
        draft.bump_epoch()
    return owns


def validate(request: ConsumerHeartbeat) -> None:
    """Refuse what contradicts itself (INVALID_REQUEST) or asks for an unknown assignor."""
    problem = None
    if not request.member_id and request.member_epoch != LEAVING_FOR_A_MOMENT:
        problem = "MemberId can't be empty."
    elif request.instance_id == "":
        problem = "InstanceId can't be empty."
    elif request.rack_id == "":
        problem = "RackId can't be empty."
    elif request.member_epoch < LEAVING_FOR_A_MOMENT:
        problem = "MemberEpoch is invalid."
    elif request.member_epoch == LEAVING_FOR_A_MOMENT and request.instance_id is None:
        problem = "InstanceId can't be null."
    elif request.member_epoch == JOINING:
        problem = _problem_with_join(request)
    if problem is not None:
        raise KafkaError(ErrorCode.INVALID_REQUEST, problem)
    if request.assignor is not None and request.assignor not in ASSIGNORS:
        names = ", ".join(ASSIGNORS)
        raise KafkaError(
            ErrorCode.UNSUPPORTED_ASSIGNOR,
            f"ServerAssignor {request.assignor} is not supported. Supported assignors: {names}.",
        )


def _problem_with_join(request: ConsumerHeartbeat) -> str | None:
    if request.rebalance_timeout_ms == -1:
        return "RebalanceTimeoutMs must be provided in first request."
    if request.owned is None or request.owned:
        return "TopicPartitions must be empty when (re-)joining."
    if request.topic_names is None and request.topic_regex is None:
        return (
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null"
            " when (re-)joining."
        )
    return None


# -- members ---------------------------------------------------------------------------------


def _admit(
    draft: Draft, request: ConsumerHeartbeat, limits: ConsumerLimits
) -> tuple[Ownership, bool]:
    """Find, replace or make the member; what it owned before, and whether it changed."""
    group = draft.group
    if len(group.members) >= limits.members_max and request.member_id not in group.members:
        raise KafkaError(
            ErrorCode.GROUP_MAX_SIZE_REACHED, f"the group has {limits.members_max} members"
        )
    if request.instance_id is None:
        member = group.members.get(request.member_id)
        if member is None and request.member_epoch != JOINING:
            raise KafkaError(
                ErrorCode.UNKNOWN_MEMBER_ID,
                f"Member {request.member_id} is not a member of group {request.group_id}.",
            )
    else:
        member = _static_member(draft, request, request.instance_id)
    if member is not None:
        _check_epoch(member, request)
    known = member or ConsumerMember(request.member_id, instance_id=request.instance_id)
    updated = _updated(known, request)
    is_new = member is None
    if is_new or updated != known:
        draft.put(draft.group.member_record(updated))
    if is_new:
        draft.put(draft.group.ownership_record(request.member_id, Ownership()))
    regex_is_known = updated.topic_regex is None or updated.topic_regex in draft.group.regexes
    subscription_changed = (
        group.epoch == 0
        or updated.topic_names != known.topic_names
        or (updated.topic_regex != known.topic_regex and regex_is_known)
    )
    return known.owns, subscription_changed


def _static_member(
    draft: Draft, request: ConsumerHeartbeat, instance_id: str
) -> ConsumerMember | None:
    """Who sits on the seat. Who joins takes it, under a new id or its old one, if it is free."""
    holder = draft.group.static_members.get(instance_id)
    if request.member_epoch != JOINING:
        if holder is None:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"Instance id {instance_id} is unknown.")
        if holder != request.member_id:
            raise KafkaError(
                ErrorCode.FENCED_INSTANCE_ID,
                f"Static member {request.member_id} was fenced by member {holder}.",
            )
        return draft.group.members[holder]
    if holder is None:
        return draft.group.members.get(request.member_id)
    old = draft.group.members[holder]
    if old.owns.epoch != LEAVING_FOR_A_MOMENT and old.classic is None:
        raise KafkaError(
            ErrorCode.UNRELEASED_INSTANCE_ID,
            f"Instance id {instance_id} is still held by member {holder}.",
        )
    return give_seat(draft, old, request.member_id)


def give_seat(draft: Draft, old: ConsumerMember, member_id: str) -> ConsumerMember:
    """A static member goes on under a new id, with what the old one owned."""
    target = draft.group.target.get(old.member_id, frozenset())
    owns = replace(old.owns, epoch=JOINING, previous_epoch=JOINING)
    draft.put(
        *draft.group.member_tombstones(old.member_id),
        draft.group.member_record(replace(old, member_id=member_id)),
        draft.group.target_record(member_id, target),
        draft.group.ownership_record(member_id, owns),
    )
    return draft.group.members[member_id]


def _check_epoch(member: ConsumerMember, request: ConsumerHeartbeat) -> None:
    """FENCED_MEMBER_EPOCH unless the epoch is the member's, or the one whose answer got lost."""
    owns = member.owns
    if request.member_epoch == owns.epoch:
        return
    if request.member_epoch == JOINING:
        return  # it comes back, owning nothing, and is told all that it may read
    answer_was_lost = (
        request.member_epoch == owns.previous_epoch
        and request.owned is not None
        and request.owned <= owns.assigned
    )
    if not answer_was_lost:
        raise KafkaError(
            ErrorCode.FENCED_MEMBER_EPOCH,
            f"The consumer group member has epoch {request.member_epoch}, not {owns.epoch}. "
            "The member must abandon all its partitions and rejoin.",
        )


def _updated(member: ConsumerMember, request: ConsumerHeartbeat) -> ConsumerMember:
    """The member with what the request says anew."""
    timeout = request.rebalance_timeout_ms
    names = request.topic_names
    regex = member.topic_regex if request.topic_regex is None else request.topic_regex
    return replace(
        member,
        instance_id=request.instance_id or member.instance_id,
        rack_id=request.rack_id or member.rack_id,
        client_id=request.client_id,
        client_host=request.client_host,
        rebalance_timeout_ms=member.rebalance_timeout_ms if timeout == -1 else timeout,
        topic_names=member.topic_names if names is None else names,
        topic_regex=regex or None,  # an empty expression takes the subscription back
        assignor=request.assignor or member.assignor,
        classic=None,  # whoever sends heartbeats of this kind is no classic member any more
    )


# -- topics and assignment -------------------------------------------------------------------


def _used_regexes(draft: Draft) -> set[str]:
    return {member.topic_regex for member in draft.group.members.values() if member.topic_regex}


def _topics_changed(draft: Draft) -> bool:
    """Whether the subscribed topics are others than the group's epoch knows. While an expression
    is still to be resolved it is too early to say."""
    if not _used_regexes(draft) <= draft.group.regexes.keys():
        return False
    topics = draft.group.subscribed_topics()
    return metadata_hash(topics, draft.image) != draft.group.metadata_hash


def _forget_unused_regexes(draft: Draft) -> None:
    group = draft.group
    draft.put(
        *(
            Record(ConsumerGroupRegularExpressionKey(group.group_id, regex), None)
            for regex in group.regexes.keys() - _used_regexes(draft)
        )
    )


def _resolve(draft: Draft) -> bool:
    """Bring the group's expressions up to the newest metadata; True if their topics changed.

    As in Apache Kafka all are resolved with the rights of the member whose heartbeat comes first.
    """
    used = _used_regexes(draft)
    if used == draft.group.regexes.keys() and draft.image.version == draft.group.resolved_version:
        return False
    draft.original.resolved_version = draft.image.version
    changed = False
    _forget_unused_regexes(draft)
    for regex in sorted(used):
        known = draft.group.regexes.get(regex)
        topics = matching_topics(regex, draft.image, draft.sees)
        if topics != (known.topics if known else frozenset()):
            changed = True
        if known is None or known.topics != topics:
            value = ConsumerGroupRegularExpressionValue(
                sorted(topics), draft.image.version, draft.now.wall_ms
            )
            key = ConsumerGroupRegularExpressionKey(draft.group.group_id, regex)
            draft.put(Record(key, value))
    return changed


def _assign(draft: Draft) -> None:
    """Compute the target of the group's epoch; record what differs from the one before."""
    group = draft.group
    assign = ASSIGNORS[group.favourite_assignor()]
    target = assign(subscriptions(group, draft.image), group.target)
    draft.put(
        *(
            group.target_record(member_id, partitions)
            for member_id, partitions in target.items()
            if group.target.get(member_id) != partitions
        )
    )
    key = ConsumerGroupTargetAssignmentMetadataKey(group.group_id)
    draft.put(Record(key, TargetAssignmentMetadata(group.epoch)))


def _reconcile(draft: Draft, member_id: str, owned: Partitions | None) -> Ownership:
    group = draft.group
    member = group.members[member_id]
    owns = reconcile(
        member.member_id,
        member.owns,
        target=group.target.get(member.member_id, frozenset()),
        target_epoch=group.target_epoch,
        reported=owned,
        owners=group.owners,
    )
    if owns.state is MemberState.UNREVOKED_PARTITIONS:  # it may have changed its mind meanwhile
        names, topics = group.topics_of(member), draft.image.names_by_id
        unwanted = frozenset(p for p in owns.assigned if topics.get(p[0]) not in names)
        owns = replace(owns, assigned=owns.assigned - unwanted, revoking=owns.revoking | unwanted)
    if owns != member.owns:
        draft.put(group.ownership_record(member.member_id, owns))
    return owns


# -- leaving and deadlines -------------------------------------------------------------------


def _leave(draft: Draft, request: ConsumerHeartbeat) -> ConsumerHeartbeatResponse:
    group = draft.group
    if request.instance_id is None:
        member = group.members.get(request.member_id)
    else:
        member = _static_member(draft, request, request.instance_id)
    if member is None:
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"no member {request.member_id!r}")
    if request.member_epoch == LEAVING_FOR_A_MOMENT and member.instance_id is not None:
        owns = replace(
            member.owns,
            epoch=LEAVING_FOR_A_MOMENT,
            state=MemberState.STABLE,
            revoking=frozenset(),  # it is gone, so it reads nothing any more
        )
        draft.put(group.ownership_record(member.member_id, owns))
    else:
        remove(draft, member.member_id)
    return ConsumerHeartbeatResponse(request.member_id, request.member_epoch)


def remove(draft: Draft, member_id: str) -> None:
    """The member is gone; its partitions are free from now on."""
    draft.put(*draft.group.member_tombstones(member_id))
    _forget_unused_regexes(draft)
    draft.bump_epoch()


def expire(draft: Draft) -> None:
    """Remove members that were silent for a session, or too late to give up partitions or call."""
    now_ms = draft.now.monotonic_ms
    late = [m for m, ends_at in draft.original.session_ends_at.items() if ends_at <= now_ms]
    for member_id, (epoch, ends_at) in draft.original.revocation_ends_at.items():
        member = draft.original.members.get(member_id)
        if ends_at > now_ms or member is None or member_id in late:
            continue
        if member.owns.epoch == epoch and member.owns.state is MemberState.UNREVOKED_PARTITIONS:
            late.append(member_id)
    calls = draft.original.calls_end_at.items()
    late += [m for m, ends_at in calls if ends_at <= now_ms and m not in late]
    for member_id in late:
        remove(draft, member_id)


def touch(
    group: ConsumerGroup, member: ConsumerMember, now: Moment, limits: ConsumerLimits
) -> None:
    """The member lives: its session starts anew; a revocation, once begun, has its own deadline."""
    session_ms = limits.session_timeout_ms
    if member.classic is not None:  # it chose for itself, in JoinGroup
        session_ms = member.classic.session_timeout_ms
    group.session_ends_at[member.member_id] = now.monotonic_ms + session_ms
    if member.owns.state is not MemberState.UNREVOKED_PARTITIONS:
        group.revocation_ends_at.pop(member.member_id, None)
        return
    running = group.revocation_ends_at.get(member.member_id)
    if running is None or running[0] != member.owns.epoch:
        ends_at = now.monotonic_ms + member.rebalance_timeout_ms
        group.revocation_ends_at[member.member_id] = (member.owns.epoch, ends_at)
