"""What the members of share groups ask about membership, and tools about them."""

from collections.abc import Callable
from dataclasses import dataclass

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.classic.messages import Step
from broker.coordinator.group.partitions import Partitions, to_topics
from broker.coordinator.group.record_parts import Record
from broker.coordinator.group.shards import GroupShards
from broker.coordinator.group.share import heartbeat as share_heartbeat
from broker.coordinator.group.share.group import JOINING, LEAVING, ShareGroup, ShareMember
from broker.coordinator.group.share.heartbeat import ShareDraft
from broker.coordinator.group.share.messages import ShareHeartbeat, ShareHeartbeatResponse
from broker.coordinator.group.share.records import ShareGroupMetadataKey, ShareGroupMetadataValue
from broker.coordinator.group.state import GroupShardState, Parked
from broker.errors import ErrorCode, KafkaError


@dataclass(frozen=True, slots=True)
class ShareGroupDescription:
    """A share group as ShareGroupDescribe tells it."""

    group_id: str
    state: str
    epoch: int
    target_epoch: int
    members: tuple[ShareMember, ...]


class ShareCalls:
    """What members of share groups ask, and what tools ask about these groups."""

    def __init__(self, shards: GroupShards) -> None:
        self._shards = shards

    async def heartbeat(self, request: ShareHeartbeat) -> ShareHeartbeatResponse:
        """ShareGroupHeartbeat; answered when what it changed is committed."""
        slot = self._shards.slot_of(request.group_id)
        limits = self._shards.settings.share(request.group_id)

        def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> ShareHeartbeatResponse:
            group = state.groups.get(request.group_id)
            if group is not None and not isinstance(group, ShareGroup):
                raise _not_a_share_group(request.group_id)
            if group is None and (
                request.member_epoch == LEAVING or request.member_epoch > JOINING
            ):
                raise KafkaError(
                    ErrorCode.GROUP_ID_NOT_FOUND, f"Group {request.group_id} not found."
                )
            draft = ShareDraft(group or ShareGroup(request.group_id), self._shards.image)
            response = share_heartbeat.heartbeat(draft, request, limits)
            step.records.extend(draft.records)
            return response

        answer = self._shards.begin(slot, request.group_id, act)
        if not (answer.done() and answer.exception()):  # not refused: it was decided and applied
            group = slot.state.groups.get(request.group_id)
            if isinstance(group, ShareGroup) and request.member_id in group.members:
                group.touch(request.member_id, self._shards.now(), limits)
            self._shards.schedule(slot, request.group_id)
        return await answer

    def describe(self, group_id: str) -> ShareGroupDescription:
        """ShareGroupDescribe; GROUP_ID_NOT_FOUND if there is no such share group."""
        group = self._shards.slot_of(group_id).state.find(group_id)
        if group is None:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} not found.")
        if not isinstance(group, ShareGroup):
            raise _not_a_share_group(group_id)
        return ShareGroupDescription(
            group_id,
            str(group.state),
            group.epoch,
            group.target_epoch,
            tuple(group.members.values()),
        )

    async def initialized(self, group_id: str, partitions: Partitions) -> None:
        """The share coordinator has a state of these partitions from now on (record 15)."""

        def decide(group: ShareGroup) -> dict[bytes, frozenset[int]]:
            known = dict(group.initialized)
            for topic in to_topics(partitions):
                known[topic.topic_id] = known.get(topic.topic_id, frozenset()).union(
                    topic.partitions
                )
            return known

        await self._put_initialized(group_id, decide)

    async def forgot(self, group_id: str, topic_id: bytes) -> None:
        """The share coordinator has no state of this topic any more."""
        await self._put_initialized(
            group_id,
            lambda group: {key: some for key, some in group.initialized.items() if key != topic_id},
        )

    async def _put_initialized(
        self, group_id: str, decide: Callable[[ShareGroup], dict[bytes, frozenset[int]]]
    ) -> None:
        def act(state: GroupShardState, _now: Moment, step: Step[Parked]) -> None:
            group = state.groups.get(group_id)
            if isinstance(group, ShareGroup) and (after := decide(group)) != group.initialized:
                step.records.append(group.initialized_record(after, self._shards.image))

        await self._shards.begin(self._shards.slot_of(group_id), group_id, act)

    async def make_empty(self, group_id: str, *, if_new: bool) -> None:
        """The group has no members: a busy one is refused, a new one made if that is wanted.

        Offsets may be set before the first member comes, as with Kafka's tools.
        """
        slot = self._shards.slot_of(group_id)

        def act(state: GroupShardState, _now: Moment, step: Step[Parked]) -> None:
            if state.find(group_id) is not None:
                self.require_empty(group_id)
            elif if_new:
                unborn = ShareGroupMetadataValue(epoch=0, metadata_hash=0)
                step.records.append(Record(ShareGroupMetadataKey(group_id), unborn))

        await self._shards.begin(slot, group_id, act)

    def require_empty(self, group_id: str) -> None:
        """Raise NON_EMPTY_GROUP while the share group has members."""
        if self.describe(group_id).members:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP, "The group is not empty.")


def _not_a_share_group(group_id: str) -> KafkaError:
    return KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a share group.")
