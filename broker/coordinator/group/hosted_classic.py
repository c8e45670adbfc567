"""Classic members inside a KIP-848 group: JoinGroup, SyncGroup, Heartbeat and LeaveGroup for them.

To them the group looks like a classic one whose leader is somebody else: a generation is the
member's epoch, JoinGroup reports what it owns and is answered at once, SyncGroup fetches what the
group assigned. Rules and their order are Apache Kafka's (KIP-848, online migration).
"""

from collections.abc import Sequence
from dataclasses import replace

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.classic.consumer_protocol import (
    CONSUMER_PROTOCOL_TYPE,
    decode_subscription,
    encode_assignment,
    owned_partitions,
)
from broker.coordinator.group.classic.messages import (
    JoinRequest,
    JoinResponse,
    LeaveResult,
    MemberIdentity,
    SyncRequest,
    SyncResponse,
)
from broker.coordinator.group.consumer.group import (
    ConsumerGroup,
    ConsumerMember,
    MemberState,
    Ownership,
)
from broker.coordinator.group.consumer.heartbeat import Draft, advance, give_seat, remove
from broker.coordinator.group.consumer.messages import ConsumerLimits
from broker.coordinator.group.migration import to_metadata
from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage


def join(draft: Draft, request: JoinRequest, limits: ConsumerLimits) -> JoinResponse:
    """The answer, with all its consequences in the draft. Raises KafkaError when refused."""
    if request.member_id not in draft.group.members:
        _check_room(draft.group, limits)
    _check_protocols(draft.group, request)
    is_new = not request.member_id
    if is_new and request.group_instance_id is None and request.requires_known_member_id:
        return JoinResponse(ErrorCode.MEMBER_ID_REQUIRED, request.new_member_id)
    subscription = decode_subscription(request.protocols[0].metadata)
    if subscription is None:
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "the subscription is malformed")
    known = _find(draft, request)
    before = known or ConsumerMember(request.member_id or request.new_member_id)
    updated = replace(
        before,
        instance_id=request.group_instance_id or before.instance_id,
        rack_id=subscription.rack_id or before.rack_id,
        client_id=request.client_id,
        client_host=request.client_host,
        rebalance_timeout_ms=request.rebalance_timeout_ms,
        topic_names=frozenset(subscription.topics),
        topic_regex=None,
        assignor=None,
        classic=to_metadata(request.session_timeout_ms, request.protocols),
    )
    if updated != before or known is None:
        draft.put(draft.group.member_record(updated))
    if known is None:
        draft.put(draft.group.ownership_record(updated.member_id, Ownership()))
    subscription_changed = (
        updated.topic_names != before.topic_names or before.topic_regex is not None
    )
    owned = owned_partitions(subscription, draft.image)
    owns = advance(draft, updated.member_id, owned, member_changed=subscription_changed)
    return JoinResponse(
        ErrorCode.NONE,
        updated.member_id,
        generation=owns.epoch,
        protocol_type=CONSUMER_PROTOCOL_TYPE,
        protocol_name=request.protocols[0].name,
    )


def _check_room(group: ConsumerGroup, limits: ConsumerLimits) -> None:
    if len(group.members) >= limits.members_max:
        raise KafkaError(
            ErrorCode.GROUP_MAX_SIZE_REACHED, f"the group has {limits.members_max} members"
        )


def _check_protocols(group: ConsumerGroup, request: JoinRequest) -> None:
    """One protocol must suit all classic members; who joins again counts with what it said before,
    as in Kafka."""
    common = {one.name for one in request.protocols}
    for member in group.members.values():
        if member.classic is not None:
            common &= {one.name for one in member.classic.supported_protocols}
    if request.protocol_type != CONSUMER_PROTOCOL_TYPE or not common:
        raise KafkaError(
            ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
            f"protocol type {request.protocol_type!r} with "
            f"{[one.name for one in request.protocols]} does not suit the group",
        )


def _find(draft: Draft, request: JoinRequest) -> ConsumerMember | None:
    """Who joins again: by id, or a static member that takes its seat under a new id."""
    group, instance = draft.group, request.group_instance_id
    if instance is None:
        return group.members.get(request.member_id)
    holder = group.static_members.get(instance)
    if not request.member_id:
        if holder is None:
            return None
        return give_seat(draft, group.members[holder], request.new_member_id)
    return find(group, MemberIdentity(request.member_id, instance))


def find(group: ConsumerGroup, identity: MemberIdentity) -> ConsumerMember:
    """The member; UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID for a replaced static one."""
    member_id, instance = identity.member_id, identity.group_instance_id
    if instance is not None:
        holder = group.static_members.get(instance)
        if holder is None:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"no instance {instance}")
        if holder != member_id:
            raise KafkaError(ErrorCode.FENCED_INSTANCE_ID, f"instance {instance} is {holder} now")
    member = group.members.get(member_id)
    if member is None:
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"no member {member_id!r}")
    return member


def _find_classic(
    group: ConsumerGroup, identity: MemberIdentity, generation: int
) -> ConsumerMember:
    member = find(group, identity)
    if member.classic is None:
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"{member.member_id} is no classic member")
    if generation != member.owns.epoch:
        raise KafkaError(
            ErrorCode.ILLEGAL_GENERATION, f"generation {generation} is not {member.owns.epoch}"
        )
    return member


def sync(
    group: ConsumerGroup, request: SyncRequest, image: ClusterImage, now: Moment
) -> SyncResponse:
    """What the member is assigned. Raises REBALANCE_IN_PROGRESS when it has to join first."""
    identity = MemberIdentity(request.member_id, request.group_instance_id)
    member = _find_classic(group, identity, request.generation)
    assert member.classic is not None
    offered = member.classic.supported_protocols
    for said, actual in (
        (request.protocol_type, CONSUMER_PROTOCOL_TYPE),
        (request.protocol_name, offered[0].name),
    ):
        if said is not None and said != actual:
            raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, f"{said!r} is not {actual!r}")
    is_behind = group.epoch > member.owns.epoch
    if is_behind and member.owns.state is not MemberState.UNREVOKED_PARTITIONS:
        await_join(group, member, now)
        raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS, "the member has to join again")
    group.calls_end_at.pop(member.member_id, None)
    share = encode_assignment(member.owns.assigned, image, bytes(offered[0].metadata))
    return SyncResponse(ErrorCode.NONE, CONSUMER_PROTOCOL_TYPE, offered[0].name, share)


def heartbeat(
    group: ConsumerGroup, identity: MemberIdentity, generation: int, now: Moment
) -> ConsumerMember:
    """The member, whose session is to begin anew, whatever `needs_join` says then."""
    member = _find_classic(group, identity, generation)
    if needs_join(group, member):
        await_join(group, member, now)
    return member


def needs_join(group: ConsumerGroup, member: ConsumerMember) -> bool:
    """A newer assignment, partitions to give up, or all that it waits for became free."""
    owns = member.owns
    if owns.epoch < group.epoch or owns.state is MemberState.UNREVOKED_PARTITIONS:
        return True
    if owns.state is not MemberState.UNRELEASED_PARTITIONS:
        return False
    missing = group.target.get(member.member_id, frozenset()) - owns.assigned
    return all(partition not in group.owners for partition in missing)


def await_join(group: ConsumerGroup, member: ConsumerMember, now: Moment) -> None:
    """It was told to join again: it has its rebalance timeout for that."""
    ends_at = now.monotonic_ms + member.rebalance_timeout_ms
    group.calls_end_at.setdefault(member.member_id, ends_at)


def await_sync(group: ConsumerGroup, member: ConsumerMember, now: Moment) -> None:
    """It joined: it has its rebalance timeout to fetch its assignment."""
    group.calls_end_at[member.member_id] = now.monotonic_ms + member.rebalance_timeout_ms


def leave(draft: Draft, leaving: Sequence[MemberIdentity]) -> list[LeaveResult]:
    """Take each of `leaving` out, each with its own outcome. KIP-848 members go this way, too: so
    does an administrator remove them."""
    return [LeaveResult(identity, _leave_one(draft, identity)) for identity in leaving]


def _leave_one(draft: Draft, identity: MemberIdentity) -> ErrorCode:
    member_id, instance = identity.member_id, identity.group_instance_id
    if not member_id and instance is not None:  # an administrator names the seat, not the holder
        member_id = draft.group.static_members.get(instance, "")
    try:
        member = find(draft.group, MemberIdentity(member_id, instance))
    except KafkaError as refusal:
        return refusal.code
    remove(draft, member.member_id)
    return ErrorCode.NONE
