"""JoinGroup: a member wants in, or back in.

An answer comes at once (`JoinResponse`), or None means parked: it leaves with a later step, under
the token given here. Rules and their order are Kafka's (KIP-62, KIP-345, KIP-394, KIP-814).
"""

from dataclasses import dataclass
from typing import Generic

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.classic.group import ClassicGroup, ClassicState
from broker.coordinator.group.classic.member import Member, Token
from broker.coordinator.group.classic.messages import Answer, JoinRequest, JoinResponse, Step
from broker.coordinator.group.classic.rebalance import (
    add_member,
    complete_if_all_joined,
    prepare,
    prepare_or_complete,
    refuse_parked,
    touch,
)
from broker.errors import ErrorCode, KafkaError


def join(
    group: ClassicGroup[Token], request: JoinRequest, token: Token, now: Moment, step: Step[Token]
) -> JoinResponse | None:
    """The answer, or None while it waits for the rebalance. Raises KafkaError when refused."""
    if group.is_full_for(request.member_id):
        group.pending_members.pop(request.member_id, None)
        raise KafkaError(
            ErrorCode.GROUP_MAX_SIZE_REACHED, f"group has {group.limits.members_max} members"
        )
    if not group.supports(request.protocol_type, request.protocols):
        raise KafkaError(
            ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
            f"protocol type {request.protocol_type!r} with "
            f"{[protocol.name for protocol in request.protocols]} does not suit the group",
        )
    joining = _Joining(group, request, token, now, step)
    if not request.member_id:
        response = joining.new_member()
    elif request.member_id in group.pending_members:
        if request.group_instance_id is not None:
            raise KafkaError(
                ErrorCode.UNKNOWN_SERVER_ERROR, "a static member joins under an id made for another"
            )
        joining.add(request.member_id)
        response = None
    else:
        response = joining.existing_member()
    if response is None:
        complete_if_all_joined(group, now, step)
    return response


@dataclass(slots=True)
class _Joining(Generic[Token]):
    """One JoinGroup on its way through the rules."""

    group: ClassicGroup[Token]
    request: JoinRequest
    token: Token
    now: Moment
    step: Step[Token]

    def new_member(self) -> JoinResponse | None:
        group, request = self.group, self.request
        if request.group_instance_id is not None:
            old_id = group.static_members.get(request.group_instance_id)
            if old_id is not None:
                return self.replace_static(old_id)
        if request.group_instance_id is not None or not request.requires_known_member_id:
            self.add(request.new_member_id)
            return None
        ends_at = self.now.monotonic_ms + request.session_timeout_ms
        group.pending_members[request.new_member_id] = ends_at
        return JoinResponse(ErrorCode.MEMBER_ID_REQUIRED, request.new_member_id)

    def existing_member(self) -> JoinResponse | None:
        group, request = self.group, self.request
        member = group.validate_member(request.member_id, request.group_instance_id)
        match group.state:
            case ClassicState.PREPARING_REBALANCE:
                self.update(member)
                return None
            case ClassicState.COMPLETING_REBALANCE:
                if member.protocols == request.protocols:
                    touch(group, member, self.now)
                    return self.current_answer(member.member_id)  # its first answer got lost
            case ClassicState.STABLE:
                same = member.protocols == request.protocols
                if same and not group.is_leader(member.member_id):
                    touch(group, member, self.now)
                    return self.current_answer(member.member_id)
            case _:
                raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"group is {group.state}")
        self.update(member)
        prepare(group, self.now, self.step)
        return None

    def add(self, member_id: str) -> None:
        """Take a new member in, parked, and let the group rebalance."""
        group, request = self.group, self.request
        member: Member[Token] = Member(
            member_id=member_id,
            group_instance_id=request.group_instance_id,
            client_id=request.client_id,
            client_host=request.client_host,
            rebalance_timeout_ms=request.rebalance_timeout_ms,
            session_timeout_ms=request.session_timeout_ms,
            protocols=request.protocols,
            parked_join=self.token,
            is_new=True,
        )
        add_member(group, member, request.protocol_type)
        touch(group, member, self.now)
        if group.state is ClassicState.PREPARING_REBALANCE and group.is_first_rebalance:
            group.newcomers_since_delay = True
        prepare_or_complete(group, self.now, self.step)

    def update(self, member: Member[Token]) -> None:
        """Park a member that rejoins, with what it says of itself now."""
        if member.parked_join is not None:  # the client gave up on that request and sent another
            stale = JoinResponse(ErrorCode.REBALANCE_IN_PROGRESS, member.member_id)
            self.step.answers.append(Answer(member.parked_join, stale))
        self.take_over_request(member)
        member.parked_join = self.token
        touch(self.group, member, self.now)

    def take_over_request(self, member: Member[Token]) -> None:
        request = self.request
        member.client_id = request.client_id
        member.client_host = request.client_host
        member.protocols = request.protocols
        member.rebalance_timeout_ms = request.rebalance_timeout_ms
        member.session_timeout_ms = request.session_timeout_ms

    def replace_static(self, old_id: str) -> JoinResponse | None:
        """A static member started again: a new id takes the seat, the old one is fenced."""
        group, request = self.group, self.request
        old_leader = group.leader or ""
        member = group.members[old_id]
        refuse_parked(member, self.step, ErrorCode.FENCED_INSTANCE_ID)
        member.member_id = request.new_member_id
        seats = {m.member_id: m for m in group.members.values()}  # keeps the order of joining
        group.members = seats
        assert request.group_instance_id is not None
        group.static_members[request.group_instance_id] = member.member_id
        if old_leader == old_id:
            group.leader = member.member_id
        if old_id in group.unsynced_members:
            group.unsynced_members.remove(old_id)
            group.unsynced_members.add(member.member_id)
        self.take_over_request(member)
        touch(group, member, self.now)
        if group.state is ClassicState.STABLE and group.elect_protocol() == group.protocol_name:
            return self.keep_seat(member, old_leader)
        member.parked_join = self.token
        if group.state is not ClassicState.PREPARING_REBALANCE:
            prepare(group, self.now, self.step)
        return None

    def keep_seat(self, member: Member[Token], old_leader: str) -> JoinResponse:
        """No rebalance: record the new id, and let the member fetch the seat's assignment."""
        group = self.group
        assignments = {m.member_id: m.assignment for m in group.members.values()}
        self.step.records.append(
            group.to_record(
                self.now,
                generation=group.generation,
                protocol_name=group.protocol_name,
                assignments=assignments,
            )
        )
        leads = group.is_leader(member.member_id)
        if self.request.supports_skipping_assignment:
            return self.answer(
                member.member_id,
                leader=group.leader or "",
                skip_assignment=leads,
                with_members=leads,
            )
        # Before v9 a leader could not be told to leave the assignment alone: name the old leader.
        return self.answer(member.member_id, leader=old_leader)

    def current_answer(self, member_id: str) -> JoinResponse:
        leads = self.group.is_leader(member_id)
        return self.answer(member_id, leader=self.group.leader or "", with_members=leads)

    def answer(
        self,
        member_id: str,
        *,
        leader: str,
        skip_assignment: bool = False,
        with_members: bool = False,
    ) -> JoinResponse:
        group = self.group
        return JoinResponse(
            ErrorCode.NONE,
            member_id,
            generation=group.generation,
            protocol_type=group.protocol_type,
            protocol_name=group.protocol_name,
            leader=leader,
            skip_assignment=skip_assignment,
            members=group.joined_members(group.protocol_name) if with_members else (),
        )
