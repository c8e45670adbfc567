"""What the members of KIP-848 groups ask, and tools about them: one async method each."""

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.classic.group import ClassicGroup, ClassicState
from broker.coordinator.group.classic.messages import Step
from broker.coordinator.group.classic.records import GroupMetadataKey
from broker.coordinator.group.consumer import heartbeat as consumer_heartbeat
from broker.coordinator.group.consumer.group import JOINING, LEAVING, ConsumerGroup
from broker.coordinator.group.consumer.messages import (
    ConsumerHeartbeat,
    ConsumerHeartbeatResponse,
    ConsumerLimits,
)
from broker.coordinator.group.descriptions import ConsumerGroupDescription, describe_consumer
from broker.coordinator.group.migration import close, not_upgraded, upgrade
from broker.coordinator.group.shards import GroupShards, Slot
from broker.coordinator.group.share.group import ShareGroup
from broker.coordinator.group.state import GroupShardState, Parked
from broker.coordinator.group.streams.group import StreamsGroup
from broker.coordinator.group.subscribed import matching_topics
from broker.errors import ErrorCode, KafkaError


class ConsumerCalls:
    """What members of KIP-848 groups ask, and what tools ask about these groups."""

    def __init__(self, shards: GroupShards) -> None:
        self._shards = shards

    async def heartbeat(self, request: ConsumerHeartbeat) -> ConsumerHeartbeatResponse:
        """ConsumerGroupHeartbeat; answered when what it changed is committed."""
        consumer_heartbeat.validate(request)
        slot = self._shards.slot_of(request.group_id)
        limits = self._shards.settings.consumer(request.group_id)

        def act(
            state: GroupShardState, now: Moment, step: Step[Parked]
        ) -> ConsumerHeartbeatResponse:
            group = self._group(state, request, step)
            draft = consumer_heartbeat.Draft(group, self._shards.image, now, request.sees)
            response = consumer_heartbeat.heartbeat(draft, request, limits)
            if request.member_epoch == LEAVING:
                close(draft, self._shards.settings, step)
            else:
                step.records.extend(draft.records)
            return response

        answer = self._shards.begin(slot, request.group_id, act)
        if not (answer.done() and answer.exception()):  # not refused: it was decided and applied
            self._touch(slot, request, limits)
        return await answer

    def _touch(self, slot: Slot, request: ConsumerHeartbeat, limits: ConsumerLimits) -> None:
        """The records are applied: the member's session begins anew, those of a group that was
        classic a moment ago begin."""
        group = slot.state.groups.get(request.group_id)
        if isinstance(group, ConsumerGroup):
            for member_id, member in group.members.items():
                if member_id == request.member_id or member_id not in group.session_ends_at:
                    consumer_heartbeat.touch(group, member, self._shards.now(), limits)
            self._shards.schedule(slot, request.group_id)

    def describe(self, group_id: str) -> ConsumerGroupDescription:
        """ConsumerGroupDescribe; GROUP_ID_NOT_FOUND if there is no such KIP-848 group."""
        group = self._shards.slot_of(group_id).state.find(group_id)
        if not isinstance(group, ConsumerGroup):
            raise KafkaError(
                ErrorCode.GROUP_ID_NOT_FOUND,
                f"Group {group_id} not found."
                if group is None
                else f"Group {group_id} is not a consumer group.",
            )
        return describe_consumer(group)

    def _group(
        self, state: GroupShardState, request: ConsumerHeartbeat, step: Step[Parked]
    ) -> ConsumerGroup:
        """The group. A classic one becomes a consumer group when somebody joins it."""
        group = state.groups.get(request.group_id)
        if isinstance(group, ConsumerGroup):
            return group
        if isinstance(group, ShareGroup | StreamsGroup):
            raise _not_a_consumer_group(request.group_id)
        if request.member_epoch != JOINING:
            raise KafkaError(
                ErrorCode.GROUP_ID_NOT_FOUND, f"Consumer group {request.group_id} not found."
            )
        if not isinstance(group, ClassicGroup):
            return ConsumerGroup(request.group_id)
        if group.state is ClassicState.EMPTY:
            step.records.extend(group.tombstones())
            return ConsumerGroup(request.group_id)
        if not self._shards.settings.may_upgrade:
            raise not_upgraded(request.group_id, "online upgrade is disabled.")
        if request.topic_regex:
            matching_topics(request.topic_regex, self._shards.image, request.sees)  # or refuse it
        made, records = upgrade(group, self._shards.image, step)
        for record in records:
            if not isinstance(record.key, GroupMetadataKey):
                made.apply(record)
        step.records.extend(records)
        return made


def _not_a_consumer_group(group_id: str) -> KafkaError:
    return KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a consumer group.")
