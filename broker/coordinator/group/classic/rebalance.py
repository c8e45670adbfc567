"""The course of a rebalance: begin, wait for members, end, and what happens when time runs out.

Functions here change only what lives in memory; a finished rebalance adds the group's record to the
step, and `ClassicGroup.apply` of it makes the new generation real. Sources: KIP-62 (timeouts),
KIP-134 (initial delay), KIP-345 (static members outlive a rebalance they missed), KIP-394,
KAFKA-13435 (members that never sync are dropped).
"""

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.classic.group import NEVER, ClassicGroup, ClassicState
from broker.coordinator.group.classic.member import Member, Token
from broker.coordinator.group.classic.messages import Answer, JoinResponse, Step, SyncResponse
from broker.errors import ErrorCode


def touch(group: ClassicGroup[Token], member: Member[Token], now: Moment) -> None:
    """The member showed that it lives: its session starts again."""
    wait_ms = member.session_timeout_ms
    if member.is_new:  # it does not know its id yet, so it cannot heartbeat: bound the join itself
        wait_ms = group.limits.new_member_join_timeout_ms
    member.session_ends_at = now.monotonic_ms + wait_ms


def add_member(group: ClassicGroup[Token], member: Member[Token], protocol_type: str) -> None:
    """Take the member in; the first one sets the protocol type and leads for now."""
    if not group.members:
        group.protocol_type = protocol_type
    if group.leader is None or group.leader not in group.members:
        group.leader = member.member_id
    group.members[member.member_id] = member
    group.pending_members.pop(member.member_id, None)
    if member.group_instance_id is not None:
        group.static_members[member.group_instance_id] = member.member_id


def remove_member(
    group: ClassicGroup[Token], member: Member[Token], step: Step[Token], error: ErrorCode
) -> None:
    """Drop the member; whatever it waits for is answered with `error`."""
    del group.members[member.member_id]
    group.unsynced_members.discard(member.member_id)
    instance = member.group_instance_id
    if instance is not None and group.static_members.get(instance) == member.member_id:
        del group.static_members[instance]
    if group.leader == member.member_id:
        group.leader = next(iter(group.members), None)
    refuse_parked(member, step, error)


def refuse_parked(member: Member[Token], step: Step[Token], error: ErrorCode) -> None:
    """Answer the JoinGroup and SyncGroup that wait for this member with `error`. Who is told that
    it is unknown is not told its id again, so it joins as somebody new."""
    if member.parked_join is not None:
        told = "" if error is ErrorCode.UNKNOWN_MEMBER_ID else member.member_id
        step.answers.append(Answer(member.parked_join, JoinResponse(error, told)))
        member.parked_join = None
    if member.parked_sync is not None:
        step.answers.append(Answer(member.parked_sync, SyncResponse(error)))
        member.parked_sync = None


def prepare(group: ClassicGroup[Token], now: Moment, step: Step[Token]) -> None:
    """Begin a rebalance: a fresh group waits for company, others for all members to rejoin."""
    assert group.may_rebalance(), group.state
    if group.state is ClassicState.COMPLETING_REBALANCE:
        _refuse_waiting_syncs(group, now, step)
    group.sync_ends_at = NEVER
    group.unsynced_members.clear()
    group.is_first_rebalance = group.state is ClassicState.EMPTY
    group.state = ClassicState.PREPARING_REBALANCE
    timeout_ms = group.rebalance_timeout_ms()
    if group.is_first_rebalance:
        delay_ms = min(group.limits.initial_rebalance_delay_ms, timeout_ms)
        group.newcomers_since_delay = False
        group.rebalance_wait_left_ms = timeout_ms - delay_ms
        group.join_ends_at = now.monotonic_ms + delay_ms
        if delay_ms == 0:
            complete(group, now, step)
        return
    group.join_ends_at = now.monotonic_ms + timeout_ms
    complete_if_all_joined(group, now, step)


def prepare_or_complete(group: ClassicGroup[Token], now: Moment, step: Step[Token]) -> None:
    """After a change of membership: begin a rebalance, or end the running one if it now can."""
    if group.may_rebalance():
        prepare(group, now, step)
    else:
        complete_if_all_joined(group, now, step)


def complete_if_all_joined(group: ClassicGroup[Token], now: Moment, step: Step[Token]) -> None:
    """End the rebalance unless somebody is missing. The first one always lasts its delay, except
    that a group which everybody left need not wait."""
    if group.state is not ClassicState.PREPARING_REBALANCE or not group.all_joined():
        return
    if not group.is_first_rebalance or not group.members:
        complete(group, now, step)


def complete(group: ClassicGroup[Token], now: Moment, step: Step[Token]) -> None:
    """End the rebalance: drop the dynamic members that stayed away and record a new generation."""
    for member in [m for m in group.members.values() if m.parked_join is None]:
        if not member.is_static:
            remove_member(group, member, step, ErrorCode.UNKNOWN_MEMBER_ID)
    if group.members and not _elect_leader(group):
        # Only static members are left and none came back: wait until one does or they expire.
        group.join_ends_at = now.monotonic_ms + group.rebalance_timeout_ms()
        return
    group.join_ends_at = NEVER
    group.is_first_rebalance = False
    group.unsynced_members = set(group.members)
    generation = group.generation + 1
    name = group.elect_protocol() if group.members else None
    step.records.append(group.to_record(now, generation=generation, protocol_name=name))
    if group.members:
        group.sync_ends_at = now.monotonic_ms + group.rebalance_timeout_ms()
        _answer_joins(group, generation, name, now, step)


def _elect_leader(group: ClassicGroup[Token]) -> bool:
    """Keep the leader if it rejoined, else take the first who did; False if nobody did."""
    joined = [m.member_id for m in group.members.values() if m.parked_join is not None]
    if not joined:
        return False
    if group.leader not in joined:
        group.leader = joined[0]
    return True


def _answer_joins(
    group: ClassicGroup[Token],
    generation: int,
    protocol_name: str | None,
    now: Moment,
    step: Step[Token],
) -> None:
    everybody = group.joined_members(protocol_name)
    for member in group.members.values():
        if member.parked_join is not None:
            response = JoinResponse(
                ErrorCode.NONE,
                member.member_id,
                generation=generation,
                protocol_type=group.protocol_type,
                protocol_name=protocol_name,
                leader=group.leader or "",
                members=everybody if group.is_leader(member.member_id) else (),
            )
            step.answers.append(Answer(member.parked_join, response))
            member.parked_join = None
        member.is_new = False
        touch(group, member, now)


def _refuse_waiting_syncs(group: ClassicGroup[Token], now: Moment, step: Step[Token]) -> None:
    """The assignment that these members wait for will not come: they must join again."""
    for member in group.members.values():
        member.assignment = b""
        if member.parked_sync is not None:
            response = SyncResponse(ErrorCode.REBALANCE_IN_PROGRESS)
            step.answers.append(Answer(member.parked_sync, response))
            member.parked_sync = None
            touch(group, member, now)


def expire(group: ClassicGroup[Token], now: Moment, step: Step[Token]) -> None:
    """Do all that is due at `now`: sessions, pending ids, the waits for joins and for syncs."""
    _expire_pending(group, now, step)
    _expire_sessions(group, now, step)
    if group.sync_ends_at <= now.monotonic_ms:
        _drop_unsynced(group, now, step)
    if group.join_ends_at <= now.monotonic_ms:
        _end_wait_for_joins(group, now, step)


def _expire_pending(group: ClassicGroup[Token], now: Moment, step: Step[Token]) -> None:
    late = [name for name, ends_at in group.pending_members.items() if ends_at <= now.monotonic_ms]
    for member_id in late:
        del group.pending_members[member_id]
    if late:
        complete_if_all_joined(group, now, step)


def _expire_sessions(group: ClassicGroup[Token], now: Moment, step: Step[Token]) -> None:
    late = [m for m in group.members.values() if m.session_ends_at <= now.monotonic_ms]
    silent = [member for member in late if member.is_new or not member.is_parked]
    for member in late:
        touch(group, member, now)  # one that waits for us cannot heartbeat, so it does not expire
    for member in silent:
        remove_member(group, member, step, ErrorCode.UNKNOWN_MEMBER_ID)
    if silent:
        prepare_or_complete(group, now, step)


def _drop_unsynced(group: ClassicGroup[Token], now: Moment, step: Step[Token]) -> None:
    """Members that took the new generation and never asked for their assignment hold all up."""
    group.sync_ends_at = NEVER
    missing = [group.members[name] for name in group.unsynced_members if name in group.members]
    group.unsynced_members.clear()
    for member in missing:
        remove_member(group, member, step, ErrorCode.UNKNOWN_MEMBER_ID)
    if missing and group.may_rebalance():
        prepare(group, now, step)


def _end_wait_for_joins(group: ClassicGroup[Token], now: Moment, step: Step[Token]) -> None:
    """A first rebalance waits on while members keep coming, up to its rebalance timeout."""
    if group.is_first_rebalance and group.newcomers_since_delay and group.rebalance_wait_left_ms:
        delay_ms = min(group.limits.initial_rebalance_delay_ms, group.rebalance_wait_left_ms)
        group.newcomers_since_delay = False
        group.rebalance_wait_left_ms -= delay_ms
        group.join_ends_at = now.monotonic_ms + delay_ms
        return
    complete(group, now, step)


def restart(group: ClassicGroup[Token], now: Moment, step: Step[Token]) -> None:
    """After a reload: sessions start anew, and a rebalance that was under way starts again."""
    for member in group.members.values():
        touch(group, member, now)
    if group.state is ClassicState.COMPLETING_REBALANCE:
        prepare(group, now, step)
