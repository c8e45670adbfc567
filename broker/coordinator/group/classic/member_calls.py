"""What a member of a classic group asks besides joining: SyncGroup, Heartbeat, LeaveGroup.

Rules and their order are Kafka's (KIP-62, KIP-345, KIP-559).
"""

from collections.abc import Sequence

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.classic.group import ClassicGroup, ClassicState
from broker.coordinator.group.classic.member import Member, Token
from broker.coordinator.group.classic.messages import (
    Answer,
    LeaveResult,
    MemberIdentity,
    Step,
    SyncRequest,
    SyncResponse,
)
from broker.coordinator.group.classic.rebalance import prepare_or_complete, remove_member, touch
from broker.errors import ErrorCode, KafkaError


def sync(
    group: ClassicGroup[Token], request: SyncRequest, token: Token, now: Moment, step: Step[Token]
) -> SyncResponse | None:
    """The assignment, or None while it waits for the leader's. Raises KafkaError when refused."""
    member = group.validate_member(request.member_id, request.group_instance_id)
    group.validate_generation(request.generation)
    _validate_protocol(group, request)
    match group.state:
        case ClassicState.PREPARING_REBALANCE:
            raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS, "members are joining")
        case ClassicState.COMPLETING_REBALANCE:
            _park(member, token, step)
            group.unsynced_members.discard(member.member_id)
            if group.is_leader(member.member_id):
                _distribute(group, request.assignments, now, step)
            return None
        case ClassicState.STABLE:
            group.unsynced_members.discard(member.member_id)
            touch(group, member, now)
            return _assignment(group, member.assignment)
        case _:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"group is {group.state}")


def _validate_protocol(group: ClassicGroup[Token], request: SyncRequest) -> None:
    """v5+ says which protocol the member believes in; older versions say nothing."""
    for said, actual in (
        (request.protocol_type, group.protocol_type),
        (request.protocol_name, group.protocol_name),
    ):
        if said is not None and said != actual:
            raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, f"{said!r} is not {actual!r}")


def _park(member: Member[Token], token: Token, step: Step[Token]) -> None:
    if member.parked_sync is not None:  # the client gave up on that request and sent another
        stale = SyncResponse(ErrorCode.REBALANCE_IN_PROGRESS)
        step.answers.append(Answer(member.parked_sync, stale))
    member.parked_sync = token


def _distribute(
    group: ClassicGroup[Token], assignments: dict[str, bytes], now: Moment, step: Step[Token]
) -> None:
    """The leader decided: record everybody's share, then answer all that wait for theirs."""
    shares = {member_id: assignments.get(member_id, b"") for member_id in group.members}
    step.records.append(
        group.to_record(
            now,
            generation=group.generation,
            protocol_name=group.protocol_name,
            assignments=shares,
        )
    )
    for member in group.members.values():
        if member.parked_sync is not None:
            share = _assignment(group, shares[member.member_id])
            step.answers.append(Answer(member.parked_sync, share))
            member.parked_sync = None
            touch(group, member, now)


def _assignment(group: ClassicGroup[Token], share: bytes) -> SyncResponse:
    return SyncResponse(ErrorCode.NONE, group.protocol_type, group.protocol_name, share)


def heartbeat(
    group: ClassicGroup[Token],
    identity: MemberIdentity,
    generation: int,
    now: Moment,
) -> None:
    """The member lives. Raises KafkaError; REBALANCE_IN_PROGRESS still counts as a sign of life."""
    member = group.validate_member(identity.member_id, identity.group_instance_id)
    group.validate_generation(generation)
    touch(group, member, now)
    if group.state is ClassicState.PREPARING_REBALANCE:
        raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS, "members are joining")


def leave(
    group: ClassicGroup[Token], leaving: Sequence[MemberIdentity], now: Moment, step: Step[Token]
) -> list[LeaveResult]:
    """Take each of `leaving` out, each with its own outcome, then rebalance once."""
    results = [LeaveResult(identity, _leave_one(group, identity, step)) for identity in leaving]
    if any(one.error is ErrorCode.NONE for one in results):  # of a pending member, too, as in Kafka
        if group.state is ClassicState.EMPTY:
            return results
        prepare_or_complete(group, now, step)
    return results


def _leave_one(
    group: ClassicGroup[Token], identity: MemberIdentity, step: Step[Token]
) -> ErrorCode:
    member_id, instance = identity.member_id, identity.group_instance_id
    if not member_id and instance is not None:  # an administrator names the seat, not the holder
        member_id = group.static_members.get(instance, "")
    elif member_id in group.pending_members:
        del group.pending_members[member_id]
        return ErrorCode.NONE
    try:
        member = group.validate_member(member_id, instance)
    except KafkaError as refusal:
        return refusal.code
    remove_member(group, member, step, ErrorCode.UNKNOWN_MEMBER_ID)
    return ErrorCode.NONE
