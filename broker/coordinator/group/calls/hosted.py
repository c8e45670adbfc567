"""What classic members of KIP-848 groups ask: one method for each API of classic groups."""

from collections.abc import Sequence

from broker.coordinator.group import hosted_classic
from broker.coordinator.group.asking import Moment
from broker.coordinator.group.classic.messages import (
    JoinRequest,
    JoinResponse,
    LeaveResult,
    MemberIdentity,
    Step,
    SyncRequest,
    SyncResponse,
)
from broker.coordinator.group.consumer.group import ConsumerGroup
from broker.coordinator.group.consumer.heartbeat import Draft, touch
from broker.coordinator.group.migration import close, close_join
from broker.coordinator.group.shards import GroupShards
from broker.coordinator.group.state import GroupShardState, Parked
from broker.errors import ErrorCode, KafkaError


class HostedCalls:
    """Classic members of a KIP-848 group: each call answers like one of a classic group."""

    def __init__(self, shards: GroupShards) -> None:
        self._shards = shards

    def is_host(self, group_id: str) -> bool:
        """Whether it is a KIP-848 group with members; an empty one becomes classic by JoinGroup."""
        group = self._shards.slot_of(group_id).state.groups.get(group_id)
        return isinstance(group, ConsumerGroup) and bool(group.members)

    async def join(self, request: JoinRequest) -> JoinResponse:
        """JoinGroup; answered when what it changed is committed. Who is refused is not told the id
        it gave, as in Kafka."""
        group_id = request.group_id
        slot = self._shards.slot_of(group_id)
        limits = self._shards.settings.consumer(group_id)

        def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> JoinResponse:
            draft = Draft(_group(state, group_id), self._shards.image, now, request.sees)
            response = hosted_classic.join(draft, request, limits)
            close_join(draft, request.group_instance_id, self._shards.settings, step)
            return response

        answer = self._shards.begin(slot, group_id, act)
        if not (answer.done() and answer.exception()):  # not refused: it was decided and applied
            group = slot.state.groups.get(group_id)
            joined = request.member_id or request.new_member_id
            if isinstance(group, ConsumerGroup) and (member := group.members.get(joined)):
                now = self._shards.now()
                touch(group, member, now, limits)
                hosted_classic.await_sync(group, member, now)
            self._shards.schedule(slot, group_id)
        try:
            return await answer
        except KafkaError as refusal:
            return JoinResponse(refusal.code, "")

    async def sync(self, request: SyncRequest) -> SyncResponse:
        """SyncGroup; answered when all that was decided before is committed."""

        def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> SyncResponse:
            group = _group(state, request.group_id)
            response = hosted_classic.sync(group, request, self._shards.image, now)
            limits = self._shards.settings.consumer(request.group_id)
            touch(group, group.members[request.member_id], now, limits)
            return response

        return await self._shards.read(request.group_id, act)

    def heartbeat(self, group_id: str, identity: MemberIdentity, generation: int) -> None:
        """Heartbeat; REBALANCE_IN_PROGRESS still counts as a sign of life."""
        slot, now = self._shards.slot_of(group_id), self._shards.now()
        group = _group(slot.state, group_id)
        member = hosted_classic.heartbeat(group, identity, generation, now)
        touch(group, member, now, self._shards.settings.consumer(group_id))
        self._shards.schedule(slot, group_id)
        if hosted_classic.needs_join(group, member):
            raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS, "the member has to join again")

    async def leave(self, group_id: str, leaving: Sequence[MemberIdentity]) -> list[LeaveResult]:
        """LeaveGroup, each member with its own outcome."""

        def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> list[LeaveResult]:
            draft = Draft(_group(state, group_id), self._shards.image, now)
            results = hosted_classic.leave(draft, leaving)
            close(draft, self._shards.settings, step)
            return results

        return await self._shards.change(group_id, act)


def _group(state: GroupShardState, group_id: str) -> ConsumerGroup:
    group = state.groups.get(group_id)
    if not isinstance(group, ConsumerGroup):
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"group {group_id} changed its kind")
    return group
