"""A streams group (KIP-1071): an application of Kafka Streams, and which member runs which task.

As in a KIP-848 group there are three epochs: `epoch` grows with every change of members, topology,
topics or settings; `target_epoch` is the one the target was computed for; members follow with their
own. What is in `Memory` is not recorded and begins anew after a restart.
"""

from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import Any

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.record_parts import Record, TargetAssignmentMetadata
from broker.coordinator.group.streams.messages import Endpoint, StreamsLimits
from broker.coordinator.group.streams.records import Endpoint as EndpointRecord
from broker.coordinator.group.streams.records import (
    KeyValue,
    StreamsGroupCurrentMemberAssignmentKey,
    StreamsGroupCurrentMemberAssignmentValue,
    StreamsGroupMemberMetadataKey,
    StreamsGroupMemberMetadataValue,
    StreamsGroupMetadataKey,
    StreamsGroupMetadataValue,
    StreamsGroupTargetAssignmentMemberKey,
    StreamsGroupTargetAssignmentMemberValue,
    StreamsGroupTargetAssignmentMetadataKey,
    StreamsGroupTopologyKey,
    StreamsGroupTopologyValue,
)
from broker.coordinator.group.streams.tasks import (
    OwnedTasks,
    Tasks,
    active_from_ids,
    active_ids,
    from_ids,
    owned_ids,
    task_ids,
)
from broker.coordinator.group.streams.topology import ConfiguredTopology, source_topics

NEVER = float("inf")
JOINING, LEAVING = 0, -1
STREAMS_PROTOCOL_TYPE = "streams"
NOT_VALIDATED = -1


class TaskState(IntEnum):
    """Kafka's numbers in the record of a member's current tasks."""

    STABLE = 1
    UNREVOKED_TASKS = 2
    UNRELEASED_TASKS = 3


class StreamsGroupState(StrEnum):
    """KIP-1071's states of a group, in Kafka's words."""

    EMPTY = "Empty"
    NOT_READY = "NotReady"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"


@dataclass(frozen=True, slots=True)
class TaskOwnership:
    """The tasks a member has: `assigned` it may run, `revoking` it was told to give up."""

    epoch: int = JOINING
    previous_epoch: int = JOINING
    state: TaskState = TaskState.STABLE
    assigned: OwnedTasks = field(default_factory=OwnedTasks)
    revoking: OwnedTasks = field(default_factory=OwnedTasks)


@dataclass(frozen=True, slots=True)
class StreamsMember:
    """What a member said of itself, and what it has."""

    member_id: str
    instance_id: str | None = None
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    rebalance_timeout_ms: int = -1
    topology_epoch: int = -1
    process_id: str = ""
    endpoint: Endpoint | None = None
    client_tags: tuple[tuple[str, str], ...] = ()
    owns: TaskOwnership = field(default_factory=TaskOwnership)


@dataclass(slots=True)
class Memory:
    """What a group only knows while the broker runs. Deadlines are monotonic milliseconds."""

    session_ends_at: dict[str, float] = field(default_factory=dict)
    revocation_ends_at: dict[str, tuple[int, float]] = field(default_factory=dict)
    """member id -> (its epoch when it was told to give tasks up, deadline)"""
    rebalance_at: float | None = None
    """A group that was empty waits for more members until then."""
    configured: ConfiguredTopology | None = None
    configured_version: int = -1
    """The topology held against the topics, and the metadata version those were of."""
    shutdown_by: str | None = None
    """The member that wants the whole application to stop."""
    endpoint_epoch: int = 0

    def copy(self) -> "Memory":
        return replace(
            self,
            session_ends_at=dict(self.session_ends_at),
            revocation_ends_at=dict(self.revocation_ends_at),
        )


@dataclass(slots=True)
class StreamsGroup:
    group_id: str
    epoch: int = 0
    metadata_hash: int = 0
    validated_topology_epoch: int = NOT_VALIDATED
    assignment_configs: dict[str, str] = field(default_factory=dict)
    target_epoch: int = 0
    topology: StreamsGroupTopologyValue | None = None
    members: dict[str, StreamsMember] = field(default_factory=dict)
    target: dict[str, Tasks] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)

    @property
    def state(self) -> StreamsGroupState:
        if not self.members:
            return StreamsGroupState.EMPTY
        if self.topology is None or self.topology.epoch != self.validated_topology_epoch:
            return StreamsGroupState.NOT_READY
        if self.epoch > self.target_epoch:
            return StreamsGroupState.ASSIGNING
        for member in self.members.values():
            if member.owns.state is not TaskState.STABLE or member.owns.epoch != self.target_epoch:
                return StreamsGroupState.RECONCILING
        return StreamsGroupState.STABLE

    def subscribed_topics(self) -> frozenset[str]:
        """Topics that its tasks read."""
        return frozenset() if self.topology is None else frozenset(source_topics(self.topology))

    def next_deadline(self) -> float:
        memory = self.memory
        revocations = (ends_at for _, ends_at in memory.revocation_ends_at.values())
        return min(
            min(memory.session_ends_at.values(), default=NEVER),
            min(revocations, default=NEVER),
            NEVER if memory.rebalance_at is None else memory.rebalance_at,
        )

    def parked_tokens(self) -> list[Any]:
        """Nothing waits here: heartbeats are answered at once."""
        return []

    def touch(self, member_id: str, now: Moment, limits: StreamsLimits) -> None:
        """The member lives: its session starts anew; a revocation, once begun, has its deadline."""
        memory = self.memory
        member = self.members[member_id]
        memory.session_ends_at[member_id] = now.monotonic_ms + limits.session_timeout_ms
        if member.owns.state is not TaskState.UNREVOKED_TASKS:
            memory.revocation_ends_at.pop(member_id, None)
            return
        running = memory.revocation_ends_at.get(member_id)
        if running is None or running[0] != member.owns.epoch:
            ends_at = now.monotonic_ms + member.rebalance_timeout_ms
            memory.revocation_ends_at[member_id] = (member.owns.epoch, ends_at)

    # -- records -----------------------------------------------------------------------------

    def metadata_record(self, epoch: int) -> Record:
        """The group at an epoch, else as it is."""
        configs = [KeyValue(key, value) for key, value in self.assignment_configs.items()]
        value = StreamsGroupMetadataValue(
            epoch, self.metadata_hash, self.validated_topology_epoch, configs or None
        )
        return Record(StreamsGroupMetadataKey(self.group_id), value)

    def member_record(self, member: StreamsMember) -> Record:
        endpoint = member.endpoint
        value = StreamsGroupMemberMetadataValue(
            instance_id=member.instance_id,
            rack_id=member.rack_id,
            client_id=member.client_id,
            client_host=member.client_host,
            rebalance_timeout_ms=member.rebalance_timeout_ms,
            topology_epoch=member.topology_epoch,
            process_id=member.process_id,
            user_endpoint=None
            if endpoint is None
            else EndpointRecord(endpoint.host, endpoint.port),
            client_tags=[KeyValue(key, value) for key, value in member.client_tags],
        )
        return Record(StreamsGroupMemberMetadataKey(self.group_id, member.member_id), value)

    def ownership_record(self, member_id: str, owns: TaskOwnership) -> Record:
        value = StreamsGroupCurrentMemberAssignmentValue(
            member_epoch=owns.epoch,
            previous_member_epoch=owns.previous_epoch,
            state=owns.state,
            active_tasks=active_ids(owns.assigned.active),
            standby_tasks=owned_ids(owns.assigned.standby),
            warmup_tasks=owned_ids(owns.assigned.warmup),
            active_tasks_pending_revocation=active_ids(owns.revoking.active),
            standby_tasks_pending_revocation=owned_ids(owns.revoking.standby),
            warmup_tasks_pending_revocation=owned_ids(owns.revoking.warmup),
        )
        return Record(StreamsGroupCurrentMemberAssignmentKey(self.group_id, member_id), value)

    def target_record(self, member_id: str, tasks: Tasks) -> Record:
        value = StreamsGroupTargetAssignmentMemberValue(
            task_ids(tasks.active), task_ids(tasks.standby), task_ids(tasks.warmup)
        )
        return Record(StreamsGroupTargetAssignmentMemberKey(self.group_id, member_id), value)

    def member_tombstones(self, member_id: str) -> list[Record]:
        return [
            Record(StreamsGroupCurrentMemberAssignmentKey(self.group_id, member_id), None),
            Record(StreamsGroupTargetAssignmentMemberKey(self.group_id, member_id), None),
            Record(StreamsGroupMemberMetadataKey(self.group_id, member_id), None),
        ]

    def tombstones(self) -> list[Record]:
        """Records that forget the whole group."""
        records = [r for member_id in self.members for r in self.member_tombstones(member_id)]
        records.append(Record(StreamsGroupTargetAssignmentMetadataKey(self.group_id), None))
        records.append(Record(StreamsGroupTopologyKey(self.group_id), None))
        records.append(Record(StreamsGroupMetadataKey(self.group_id), None))
        return records

    # -- changes -----------------------------------------------------------------------------

    def copy(self) -> "StreamsGroup":
        """The same group, to try records on."""
        return replace(
            self,
            members=dict(self.members),
            target=dict(self.target),
            memory=self.memory.copy(),
        )

    def apply(self, record: Record) -> None:
        """Become what the record says."""
        value = record.value
        match record.key:
            case StreamsGroupMetadataKey():
                self._put_metadata(value or StreamsGroupMetadataValue())
            case StreamsGroupTopologyKey():
                self.topology = value
                self.memory.configured = None
            case StreamsGroupTargetAssignmentMetadataKey():
                value = value or TargetAssignmentMetadata()
                self.target_epoch = value.assignment_epoch
            case StreamsGroupMemberMetadataKey(member_id=member_id):
                self._put_member(member_id, value)
            case StreamsGroupTargetAssignmentMemberKey(member_id=member_id):
                self._put_target(member_id, value)
            case StreamsGroupCurrentMemberAssignmentKey(member_id=member_id):
                self._put_ownership(member_id, value)

    def _put_metadata(self, value: StreamsGroupMetadataValue) -> None:
        self.epoch = value.epoch
        self.metadata_hash = value.metadata_hash
        self.validated_topology_epoch = value.validated_topology_epoch
        configs = value.last_assignment_configs or ()
        self.assignment_configs = {one.key: one.value for one in configs}

    def _put_member(self, member_id: str, value: StreamsGroupMemberMetadataValue | None) -> None:
        if value is None:
            self.members.pop(member_id, None)
            self.memory.session_ends_at.pop(member_id, None)
            self.memory.revocation_ends_at.pop(member_id, None)
            if not self.members:
                self.memory.shutdown_by = None
            return
        told = value.user_endpoint
        self.members[member_id] = StreamsMember(
            member_id,
            instance_id=value.instance_id,
            rack_id=value.rack_id,
            client_id=value.client_id,
            client_host=value.client_host,
            rebalance_timeout_ms=value.rebalance_timeout_ms,
            topology_epoch=value.topology_epoch,
            process_id=value.process_id,
            endpoint=None if told is None else Endpoint(told.host, told.port),
            client_tags=tuple((one.key, one.value) for one in value.client_tags),
            owns=self._owns(member_id),
        )

    def _put_target(
        self, member_id: str, value: StreamsGroupTargetAssignmentMemberValue | None
    ) -> None:
        if value is None:
            self.target.pop(member_id, None)
        else:
            self.target[member_id] = Tasks(
                from_ids(value.active_tasks),
                from_ids(value.standby_tasks),
                from_ids(value.warmup_tasks),
            )

    def _put_ownership(
        self, member_id: str, value: StreamsGroupCurrentMemberAssignmentValue | None
    ) -> None:
        if value is None:
            if member_id in self.members:
                self.members[member_id] = replace(self.members[member_id], owns=TaskOwnership())
            return
        epoch = value.member_epoch
        owns = TaskOwnership(
            epoch,
            value.previous_member_epoch,
            TaskState(value.state),
            OwnedTasks(
                active_from_ids(value.active_tasks, epoch),
                from_ids(value.standby_tasks),
                from_ids(value.warmup_tasks),
            ),
            OwnedTasks(
                active_from_ids(value.active_tasks_pending_revocation, epoch),
                from_ids(value.standby_tasks_pending_revocation),
                from_ids(value.warmup_tasks_pending_revocation),
            ),
        )
        # Compaction may put it before the member's own record, which follows then.
        member = self.members.get(member_id) or StreamsMember(member_id)
        self.members[member_id] = replace(member, owns=owns)

    def _owns(self, member_id: str) -> TaskOwnership:
        known = self.members.get(member_id)
        return TaskOwnership() if known is None else known.owns
