"""StreamsGroupHeartbeat: join, live, reconcile and leave a streams group by one request (KIP-1071).

Decided on a draft: each record is tried on a copy of the group, so that what follows sees it; the
group itself changes when the shard applies the same records. The copy's memory (deadlines, what the
topology comes to) becomes the group's own once that is done. Rules and their order: Kafka 4.2.
"""

from collections.abc import Iterable
from dataclasses import replace

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.record_parts import Record, TargetAssignmentMetadata
from broker.coordinator.group.streams.assignor import Candidate, Work, assign_sticky
from broker.coordinator.group.streams.endpoints import endpoint_partitions
from broker.coordinator.group.streams.group import (
    JOINING,
    LEAVING,
    NOT_VALIDATED,
    StreamsGroup,
    StreamsMember,
    TaskOwnership,
    TaskState,
)
from broker.coordinator.group.streams.messages import (
    StreamsHeartbeat,
    StreamsHeartbeatResponse,
    StreamsLimits,
)
from broker.coordinator.group.streams.reconciliation import Holders, reconcile
from broker.coordinator.group.streams.records import (
    StreamsGroupTargetAssignmentMetadataKey,
    StreamsGroupTopologyKey,
    StreamsGroupTopologyValue,
)
from broker.coordinator.group.streams.tasks import Tasks
from broker.coordinator.group.streams.topology import (
    ConfiguredTopology,
    Status,
    StatusCode,
    configure,
    required_topics,
)
from broker.coordinator.group.streams.validation import validate_tasks
from broker.coordinator.group.subscribed import metadata_hash
from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage

_FIRST_EPOCH = 2
"""The first epoch with an assignment; 1 is that of members who wait for the first rebalance."""


class StreamsDraft:
    """A group under change: `group` already shows what `records` will make of it."""

    def __init__(
        self, group: StreamsGroup, image: ClusterImage, now: Moment, limits: StreamsLimits
    ) -> None:
        self.group = group.copy()
        self.image = image
        self.now = now
        self.limits = limits
        self.records: list[Record] = []

    def put(self, *records: Record) -> None:
        for record in records:
            self.group.apply(record)
            self.records.append(record)

    def bump_epoch(self) -> None:
        """Something that assignments depend on changed."""
        epoch = self.group.epoch + 1 if self.group.epoch else _FIRST_EPOCH
        self.put(self.group.metadata_record(epoch))


def heartbeat(draft: StreamsDraft, request: StreamsHeartbeat) -> StreamsHeartbeatResponse:
    """The answer, with all its consequences in the draft. Raises KafkaError when refused."""
    if request.member_epoch == LEAVING:
        return _leave(draft, request)
    group = draft.group
    is_new = not group.epoch
    is_joining = request.member_epoch == JOINING
    starts = is_joining and not group.members
    before = _admit(draft, request)
    known_topology = group.topology
    changed = _update_member(draft, before, request)
    _update_topology(draft, request.topology)
    configured = _configure(draft, changed=changed or known_topology is None, owned=request.owned)
    limits = draft.limits
    if starts and limits.initial_rebalance_delay_ms and group.memory.rebalance_at is None:
        group.memory.rebalance_at = draft.now.monotonic_ms + limits.initial_rebalance_delay_ms
    owns = _reconcile(draft, request)
    group.touch(request.member_id, draft.now, limits)
    if request.shutdown_application and group.memory.shutdown_by is None:
        group.memory.shutdown_by = request.member_id
    tasks = None
    if is_joining or owns.assigned.plain() != before.owns.assigned.plain():
        tasks = owns.assigned.plain()
        if group.members[request.member_id].endpoint is not None:
            group.memory.endpoint_epoch += 1
    endpoints = None
    if group.memory.endpoint_epoch != request.endpoint_epoch:
        endpoints = endpoint_partitions(group, draft.image)
    if is_new:  # as in Kafka, which counts from its second heartbeat on
        group.memory.endpoint_epoch = 0
    return StreamsHeartbeatResponse(
        member_id=request.member_id,
        member_epoch=owns.epoch,
        heartbeat_interval_ms=limits.heartbeat_interval_ms,
        status=tuple(_status(group, group.members[request.member_id])),
        tasks=tasks,
        endpoint_epoch=group.memory.endpoint_epoch,
        endpoints=endpoints,
        to_create=configured.missing,
    )


# -- members ---------------------------------------------------------------------------------


def _admit(draft: StreamsDraft, request: StreamsHeartbeat) -> StreamsMember:
    """The member as it is; a new one only at epoch 0."""
    group = draft.group
    member = group.members.get(request.member_id)
    if request.member_epoch == JOINING:
        if len(group.members) >= draft.limits.members_max:
            raise KafkaError(
                ErrorCode.GROUP_MAX_SIZE_REACHED,
                "The streams group has reached its maximum capacity of "
                f"{draft.limits.members_max} members.",
            )
        return member or StreamsMember(request.member_id)
    if member is None:
        raise _unknown(request)
    _check_epoch(member, request)
    return member


def _check_epoch(member: StreamsMember, request: StreamsHeartbeat) -> None:
    """FENCED_MEMBER_EPOCH unless the epoch is the member's, or the one whose answer got lost."""
    owns = member.owns
    if request.member_epoch == owns.epoch:
        return
    answer_was_lost = (
        request.member_epoch == owns.previous_epoch
        and request.member_epoch < owns.epoch
        and request.owned is not None
        and owns.assigned.covers(request.owned)
    )
    if not answer_was_lost:
        word = "greater" if request.member_epoch > owns.epoch else "smaller"
        raise KafkaError(
            ErrorCode.FENCED_MEMBER_EPOCH,
            f"The streams group member has a {word} member epoch ({request.member_epoch}) than the"
            f" one known by the group coordinator ({owns.epoch}). The member must abandon all its"
            " partitions and rejoin.",
        )


def _update_member(draft: StreamsDraft, member: StreamsMember, request: StreamsHeartbeat) -> bool:
    """Record what the request says anew; whether it said anything."""
    timeout_ms = request.rebalance_timeout_ms
    updated = replace(
        member,
        rack_id=request.rack_id or member.rack_id,
        client_id=request.client_id,
        client_host=request.client_host,
        rebalance_timeout_ms=member.rebalance_timeout_ms if timeout_ms == -1 else timeout_ms,
        topology_epoch=request.topology.epoch if request.topology else member.topology_epoch,
        process_id=member.process_id if request.process_id is None else request.process_id,
        endpoint=request.endpoint or member.endpoint,
        client_tags=member.client_tags if request.client_tags is None else request.client_tags,
    )
    is_new = request.member_id not in draft.group.members
    if is_new or updated != member:
        draft.put(draft.group.member_record(updated))
        return True
    return False


def _leave(draft: StreamsDraft, request: StreamsHeartbeat) -> StreamsHeartbeatResponse:
    group = draft.group
    if request.member_id not in group.members:
        raise _unknown(request)
    if request.shutdown_application and group.memory.shutdown_by is None:
        group.memory.shutdown_by = request.member_id
    remove(draft, [request.member_id])
    return StreamsHeartbeatResponse(request.member_id, LEAVING)


def remove(draft: StreamsDraft, member_ids: Iterable[str]) -> None:
    """Members are gone; the others get their tasks with the next heartbeat of one of them."""
    for member_id in member_ids:
        draft.put(*draft.group.member_tombstones(member_id))
        draft.bump_epoch()


def expire(draft: StreamsDraft) -> None:
    """Remove members that were silent for a session or late to give up tasks; begin what waited."""
    group = draft.group
    now_ms = draft.now.monotonic_ms
    memory = group.memory
    late = [member for member, ends_at in memory.session_ends_at.items() if ends_at <= now_ms]
    for member_id, (epoch, ends_at) in memory.revocation_ends_at.items():
        member = group.members.get(member_id)
        if ends_at > now_ms or member is None or member_id in late:
            continue
        if member.owns.epoch == epoch and member.owns.state is TaskState.UNREVOKED_TASKS:
            late.append(member_id)
    remove(draft, late)
    if memory.rebalance_at is not None and memory.rebalance_at <= now_ms:
        memory.rebalance_at = None
        if group.members and memory.configured is not None and group.epoch > group.target_epoch:
            _assign(draft, memory.configured)


# -- topology --------------------------------------------------------------------------------


def _update_topology(draft: StreamsDraft, told: StreamsGroupTopologyValue | None) -> None:
    """The first member brings the topology; later ones must have the same, or an older one."""
    known = draft.group.topology
    if told is None:
        return
    if known is None:
        draft.put(Record(StreamsGroupTopologyKey(draft.group.group_id), told))
    elif known.epoch <= told.epoch and not _same(known, told):
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Topology updates are not supported yet.")


def _same(one: StreamsGroupTopologyValue, other: StreamsGroupTopologyValue) -> bool:
    """Equal, in whatever order the subtopologies come."""
    return one.epoch == other.epoch and (
        {sub.subtopology_id: sub for sub in one.subtopologies}
        == {sub.subtopology_id: sub for sub in other.subtopologies}
    )


def _configure(draft: StreamsDraft, *, changed: bool, owned: Tasks | None) -> ConfiguredTopology:
    """Hold the topology against the topics, when either is new; a new epoch if it matters."""
    group = draft.group
    memory = group.memory
    topology = group.topology
    if topology is None:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "The group has no topology.")
    configured = memory.configured
    if configured is None or memory.configured_version != draft.image.version:
        digest = metadata_hash(required_topics(topology), draft.image)
        if configured is None or digest != group.metadata_hash:
            configured = memory.configured = configure(topology, draft.image)
        changed = changed or digest != group.metadata_hash
        group.metadata_hash = digest
        memory.configured_version = draft.image.version
    validated = topology.epoch if configured.is_ready else NOT_VALIDATED
    if configured.is_ready and owned is not None:
        validate_tasks(owned, configured)
    configs = draft.limits.assignment_configs
    if (
        changed
        or validated != group.validated_topology_epoch
        or configs != group.assignment_configs
    ):
        group.validated_topology_epoch = validated
        group.assignment_configs = configs
        draft.bump_epoch()
    return configured


# -- assignment ------------------------------------------------------------------------------


def _reconcile(draft: StreamsDraft, request: StreamsHeartbeat) -> TaskOwnership:
    """A new target if there is none for this epoch yet; the member one step closer to its own."""
    group = draft.group
    memory = group.memory
    member = group.members[request.member_id]
    target_epoch, target = group.target_epoch, group.target.get(request.member_id, Tasks())
    if group.epoch > group.target_epoch:
        if _is_waiting(draft):
            target_epoch, target = max(1, group.target_epoch), Tasks()
        else:
            memory.rebalance_at = None
            assert memory.configured is not None
            _assign(draft, memory.configured)
            target_epoch, target = group.target_epoch, group.target[request.member_id]
    if member.owns.state is TaskState.STABLE and member.owns.epoch == target_epoch:
        return member.owns  # nearly always: who has what need not be gathered
    owns = reconcile(
        member,
        target=target,
        target_epoch=target_epoch,
        reported=request.owned,
        holders=Holders.among(group.members.values()),
    )
    if owns != member.owns:
        draft.put(group.ownership_record(request.member_id, owns))
    return owns


def _is_waiting(draft: StreamsDraft) -> bool:
    """Whether the group gives members time to come before it shares the tasks out."""
    rebalance_at = draft.group.memory.rebalance_at
    return rebalance_at is not None and draft.now.monotonic_ms < rebalance_at


def _assign(draft: StreamsDraft, configured: ConfiguredTopology) -> None:
    """Compute the target of the group's epoch; record what differs from the one before."""
    group = draft.group
    target = {member_id: Tasks() for member_id in group.members}
    if configured.is_ready:
        subtopologies = configured.subtopologies
        work = Work(
            {name: sub.task_count for name, sub in subtopologies.items()},
            frozenset(name for name, sub in subtopologies.items() if sub.is_stateful),
            int(group.assignment_configs.get("num.standby.replicas", "0")),
        )
        target = assign_sticky(
            work,
            {
                member_id: Candidate(member.process_id, group.target.get(member_id, Tasks()))
                for member_id, member in group.members.items()
            },
        )
    draft.put(
        *(
            group.target_record(member_id, tasks)
            for member_id, tasks in target.items()
            if group.target.get(member_id) != tasks
        )
    )
    key = StreamsGroupTargetAssignmentMetadataKey(group.group_id)
    draft.put(Record(key, TargetAssignmentMetadata(group.epoch)))


# -- what the application should know --------------------------------------------------------


def _status(group: StreamsGroup, member: StreamsMember) -> Iterable[Status]:
    memory = group.memory
    assert group.topology is not None
    if member.topology_epoch < group.topology.epoch:
        yield Status(
            StatusCode.STALE_TOPOLOGY,
            f"The member's topology epoch {member.topology_epoch} is behind the group's topology"
            f" epoch {group.topology.epoch}.",
        )
    if memory.rebalance_at is not None and group.epoch > group.target_epoch:
        yield Status(
            StatusCode.ASSIGNMENT_DELAYED,
            "Assignment delayed due to the configured initial rebalance delay.",
        )
    if memory.configured is not None and memory.configured.problem is not None:
        yield memory.configured.problem
    if memory.shutdown_by is not None:
        yield Status(
            StatusCode.SHUTDOWN_APPLICATION,
            f"Streams group member {memory.shutdown_by} encountered a fatal error and requested a"
            " shutdown for the entire application.",
        )


def _unknown(request: StreamsHeartbeat) -> KafkaError:
    return KafkaError(
        ErrorCode.UNKNOWN_MEMBER_ID,
        f"Member {request.member_id} is not a member of group {request.group_id}.",
    )
