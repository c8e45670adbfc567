"""What the members of streams groups ask, and tools about them: one method each."""

from dataclasses import dataclass

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.classic.group import ClassicGroup
from broker.coordinator.group.classic.messages import Step
from broker.coordinator.group.shards import GroupShards
from broker.coordinator.group.state import GroupShardState, Parked
from broker.coordinator.group.streams import heartbeat as streams_heartbeat
from broker.coordinator.group.streams.group import JOINING, LEAVING, StreamsGroup, StreamsMember
from broker.coordinator.group.streams.heartbeat import StreamsDraft
from broker.coordinator.group.streams.messages import StreamsHeartbeat, StreamsHeartbeatResponse
from broker.coordinator.group.streams.records import StreamsGroupTopologyValue
from broker.coordinator.group.streams.tasks import Tasks
from broker.coordinator.group.streams.topology import ConfiguredTopology
from broker.coordinator.group.streams.validation import validate
from broker.errors import ErrorCode, KafkaError


@dataclass(frozen=True, slots=True)
class StreamsGroupDescription:
    """`configured` is there once all topics are; until then `topology` says what was asked for."""

    group_id: str
    state: str
    epoch: int
    target_epoch: int
    topology: StreamsGroupTopologyValue | None
    configured: ConfiguredTopology | None
    members: tuple[tuple[StreamsMember, Tasks], ...]
    """Each with the tasks it shall have"""


class StreamsCalls:
    """What members of streams groups ask, and what tools ask about these groups."""

    def __init__(self, shards: GroupShards) -> None:
        self._shards = shards

    async def heartbeat(self, request: StreamsHeartbeat) -> StreamsHeartbeatResponse:
        """StreamsGroupHeartbeat; answered when what it changed is committed."""
        validate(request)
        slot = self._shards.slot_of(request.group_id)
        limits = self._shards.settings.streams(request.group_id)
        drafts: list[StreamsDraft] = []

        def act(
            state: GroupShardState, now: Moment, step: Step[Parked]
        ) -> StreamsHeartbeatResponse:
            group = _group(state, request, step)
            draft = StreamsDraft(group, self._shards.image, now, limits)
            response = streams_heartbeat.heartbeat(draft, request)
            step.records.extend(draft.records)
            drafts.append(draft)
            return response

        answer = self._shards.begin(slot, request.group_id, act)
        group = slot.state.groups.get(request.group_id)
        if drafts and isinstance(group, StreamsGroup):  # not refused: it was decided and applied
            group.memory = drafts[0].group.memory
            self._shards.schedule(slot, request.group_id)
        return await answer

    def describe(self, group_id: str) -> StreamsGroupDescription:
        """StreamsGroupDescribe; GROUP_ID_NOT_FOUND if there is no such streams group."""
        group = self._shards.slot_of(group_id).state.find(group_id)
        if group is None:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} not found.")
        if not isinstance(group, StreamsGroup):
            raise _not_a_streams_group(group_id)
        configured = group.memory.configured
        return StreamsGroupDescription(
            group_id,
            str(group.state),
            group.epoch,
            group.target_epoch,
            group.topology,
            configured if configured is not None and configured.is_ready else None,
            tuple(
                (member, group.target.get(member.member_id, Tasks()))
                for member in group.members.values()
            ),
        )


def _group(state: GroupShardState, request: StreamsHeartbeat, step: Step[Parked]) -> StreamsGroup:
    """The group. An empty classic one becomes a streams group when somebody joins it."""
    group_id = request.group_id
    group = state.groups.get(group_id)
    if isinstance(group, StreamsGroup):
        return group
    if group is None and request.member_epoch == JOINING:
        return StreamsGroup(group_id)
    if group is None and request.member_epoch == LEAVING:
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} not found.")
    if group is None:
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Streams group {group_id} not found.")
    is_free = (
        isinstance(group, ClassicGroup) and not group.members
    )  # who has only an id is nobody yet
    if not is_free or request.member_epoch != JOINING:
        raise _not_a_streams_group(group_id)
    step.records.extend(group.tombstones())
    return StreamsGroup(group_id)


def _not_a_streams_group(group_id: str) -> KafkaError:
    return KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a streams group.")
