"""The group coordinator: one async method for each thing that clients ask of groups.

Each finds the group's shard, lets one pure event happen there and answers when it is committed.
Refusals are raised as KafkaError. Timers (sessions, rebalances) and the expiry of offsets run here.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Sequence

from broker.clock import Clock
from broker.config import BrokerConfig
from broker.coordinator.cluster import Cluster
from broker.coordinator.group import offset_rules
from broker.coordinator.group.asking import Moment
from broker.coordinator.group.calls.consumer import ConsumerCalls
from broker.coordinator.group.calls.hosted import HostedCalls
from broker.coordinator.group.calls.share import ShareCalls
from broker.coordinator.group.calls.streams import StreamsCalls
from broker.coordinator.group.classic import join as classic_join
from broker.coordinator.group.classic import member_calls as classic_member_calls
from broker.coordinator.group.classic.group import ClassicGroup
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
from broker.coordinator.group.descriptions import (
    GroupDescription,
    GroupListing,
    describe,
    listing,
    passes,
)
from broker.coordinator.group.offset_messages import FetchedOffset, OffsetCommit, OffsetFetch
from broker.coordinator.group.offsets import TopicPartition
from broker.coordinator.group.settings import GroupSettings
from broker.coordinator.group.shards import Act, GroupShards
from broker.coordinator.group.share.group import ShareGroup
from broker.coordinator.group.state import GroupShardState, Parked
from broker.coordinator.group.streams.group import StreamsGroup
from broker.coordinator.shard import NO_PRODUCER
from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage
from broker.metrics import GroupMetrics
from broker.partition.partitions import Partitions

log = logging.getLogger(__name__)

MINUTE_MS = 60_000


class GroupCoordinator:
    """`tasks` is the parent of everything that runs here; `follow` must hear of each image."""

    def __init__(
        self,
        cluster: Cluster,
        partitions: Partitions,
        config: BrokerConfig,
        clock: Clock,
        tasks: asyncio.TaskGroup,
        *,
        metrics: GroupMetrics,
    ) -> None:
        self._config = config
        self._clock = clock
        self._tasks = tasks
        self._running: list[asyncio.Task[None]] = []
        self._image = cluster.image
        metrics.group_counts = self._count_groups
        self.settings = GroupSettings(config, lambda: self._image)
        self._shards = GroupShards(
            cluster, partitions, clock, self.settings, tasks, metrics=metrics
        )
        self._hosted = HostedCalls(self._shards)
        self.consumer = ConsumerCalls(self._shards)
        """KIP-848 groups"""
        self.share = ShareCalls(self._shards)
        """Membership in share groups"""
        self.streams = StreamsCalls(self._shards)
        """Applications of Kafka Streams"""

    # -- life --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to read the groups; requests get COORDINATOR_LOAD_IN_PROGRESS until then."""
        self._shards.open_all(self._image)
        timers = self._shards.timers
        self._running = [
            self._tasks.create_task(
                timers.run(self._clock, self._shards.attend), name="group timers"
            ),
            self._tasks.create_task(self._expire_regularly(), name="offset expiry"),
        ]

    async def stop(self) -> None:
        """Stop the timers; members find out by their closed connections."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running = []

    async def follow(self, image: ClusterImage) -> None:
        """A new image: the offsets topic may be there, and deleted topics take their offsets."""
        gone = self._image.topics.keys() - image.topics.keys()
        self._image = image
        if self._running:
            self._shards.open_all(image)
            for topic in gone:
                self._forget_topic(topic)

    def end_transaction(self, partition_index: int, producer_id: int, committed: bool) -> None:
        """The marker of a transaction is on disk in this partition of __consumer_offsets."""
        slot = self._shards.slot_at(partition_index)
        if slot is not None and slot.shard.is_loaded:
            slot.state.end_transaction(producer_id, committed=committed)

    def coordinator_partition(self, group_id: str) -> int:
        """Which partition of __consumer_offsets the group lives on."""
        return self._shards.partition_of(group_id)

    # -- membership --------------------------------------------------------------------------

    async def join(self, request: JoinRequest) -> JoinResponse:
        """JoinGroup; answers when the rebalance is over. MEMBER_ID_REQUIRED is an answer.

        A group that was made for a member which is refused then stays, empty, until the next look
        at what is over its time (or a restart), as in Kafka.
        """
        _require_group_id(request.group_id)
        limits = self.settings.classic
        low, high = limits.session_timeout_ms_min, limits.session_timeout_ms_max
        if not low <= request.session_timeout_ms <= high:
            raise KafkaError(
                ErrorCode.INVALID_SESSION_TIMEOUT,
                f"session timeout {request.session_timeout_ms} ms is outside [{low}, {high}]",
            )
        if self._hosted.is_host(request.group_id):
            return await self._hosted.join(request)
        if not request.member_id:
            self._make_classic_group(request.group_id)
        parked: Parked = asyncio.get_running_loop().create_future()

        def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> JoinResponse | None:
            if request.member_id and state.find(request.group_id) is None:
                raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"no group {request.group_id!r}")
            group = _classic_group(state, request.group_id, step)
            return classic_join.join(group, request, parked, now, step)

        response = await self._shards.change(request.group_id, act)
        if response is not None:
            return response
        answer = await parked
        assert isinstance(answer, JoinResponse)
        return answer

    def _make_classic_group(self, group_id: str) -> None:
        """The first record of a new group says that it is empty, whoever joins, as in Kafka."""
        slot = self._shards.slot_of(group_id)

        def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> None:
            made = _classic_group(state, group_id, step)
            step.records.append(made.to_record(now, generation=0, protocol_name=None))

        found = slot.state.find(group_id)
        if found is None or isinstance(found, ConsumerGroup | StreamsGroup):
            self._shards.begin(slot, group_id, act)  # what is decided next stands behind it

    async def sync(self, request: SyncRequest) -> SyncResponse:
        """SyncGroup; answers when the leader's assignment is on disk."""
        _require_group_id(request.group_id)
        if self._hosted.is_host(request.group_id):
            return await self._hosted.sync(request)
        parked: Parked = asyncio.get_running_loop().create_future()

        def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> SyncResponse | None:
            group = _member_group(state, request.group_id)
            return classic_member_calls.sync(group, request, parked, now, step)

        response = await self._shards.change(request.group_id, act)
        if response is not None:
            return response
        answer = await parked
        assert isinstance(answer, SyncResponse)
        return answer

    async def heartbeat(self, group_id: str, identity: MemberIdentity, generation: int) -> None:
        """Heartbeat; returns when all is well, raises what the member must know."""
        _require_group_id(group_id)
        if self._hosted.is_host(group_id):
            self._hosted.heartbeat(group_id, identity, generation)
            return
        slot = self._shards.slot_of(group_id)
        group = _member_group(slot.state, group_id)
        classic_member_calls.heartbeat(group, identity, generation, self._shards.now())

    async def leave(self, group_id: str, leaving: Sequence[MemberIdentity]) -> list[LeaveResult]:
        """LeaveGroup, each member with its own outcome."""
        _require_group_id(group_id)
        if self._hosted.is_host(group_id):
            return await self._hosted.leave(group_id, leaving)

        def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> list[LeaveResult]:
            group = state.groups.get(group_id)
            if not isinstance(group, ClassicGroup):
                return [LeaveResult(member, ErrorCode.UNKNOWN_MEMBER_ID) for member in leaving]
            return classic_member_calls.leave(group, leaving, now, step)

        return await self._shards.change(group_id, act)

    # -- offsets -----------------------------------------------------------------------------

    async def commit_offsets(self, commit: OffsetCommit) -> list[ErrorCode]:
        """OffsetCommit or TxnOffsetCommit: an outcome for each offset, in the order given."""
        metadata_bytes_max = self._config.offset_metadata_max_bytes

        def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> list[ErrorCode]:
            offset_rules.validate_commit(state.find(commit.group_id), commit, now)
            records, errors = offset_rules.commit_offsets(
                commit, self._shards.exists, metadata_bytes_max, now
            )
            step.records.extend(records)
            return errors

        slot = self._shards.slot_of(commit.group_id)
        producer = commit.producer or NO_PRODUCER
        return await self._shards.begin(slot, commit.group_id, act, producer)

    async def fetch_offsets(self, fetch: OffsetFetch) -> list[FetchedOffset]:
        """OffsetFetch for one group; only committed offsets are told."""

        def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> list[FetchedOffset]:
            offset_rules.validate_fetch(state.find(fetch.group_id), fetch)
            return offset_rules.fetch_offsets(state.offsets, fetch)

        return await self._shards.read(fetch.group_id, act)

    async def delete_offsets(
        self, group_id: str, wanted: Sequence[TopicPartition]
    ) -> list[ErrorCode]:
        """OffsetDelete: an outcome for each partition; refused for topics in use.

        A group that was nothing but its offsets stays, empty, until the next look at what is over
        its time (or a restart), as in Kafka.
        """
        _require_group_id(group_id)

        def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> list[ErrorCode]:
            records, errors = offset_rules.delete_offsets(
                state.find(group_id), state.offsets, group_id, wanted, self._shards.exists
            )
            step.records.extend(records)
            return errors

        errors = await self._shards.change(group_id, act)
        state = self._shards.slot_of(group_id).state
        if state.find(group_id) is None:
            state.classic_to_change(group_id)
        return errors

    # -- administration ----------------------------------------------------------------------

    def describe(self, group_id: str) -> GroupDescription:
        """DescribeGroups; GROUP_ID_NOT_FOUND if there is no such group."""
        group = self._shards.slot_of(group_id).state.find(group_id)
        if group is None:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} not found.")
        if not isinstance(group, ClassicGroup):
            raise KafkaError(
                ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a classic group."
            )
        return describe(group)

    def list_groups(
        self, states: Collection[str] = (), types: Collection[str] = ()
    ) -> list[GroupListing]:
        """ListGroups; an empty filter lets all through."""
        found = []
        for slot in self._shards.all_loaded():
            for group_id in slot.state.group_ids():
                group = slot.state.find(group_id)
                if group is not None and passes(listing(group), states, types):
                    found.append(listing(group))
        return found

    def _count_groups(self) -> Counter[tuple[str, str]]:
        """Groups by kind and state; those of a partition that is being read are left out."""
        counts: Counter[tuple[str, str]] = Counter()
        for slot in self._shards.ready():
            for group_id in slot.state.group_ids():
                group = slot.state.find(group_id)
                if group is not None:
                    told = listing(group)
                    counts[told.group_type, told.state] += 1
        return counts

    async def delete_group(self, group_id: str) -> None:
        """DeleteGroups, one of them: the group and all its offsets go; the empty id can be too."""

        def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> None:
            group = state.find(group_id)
            step.records.extend(offset_rules.delete_group(group, state.offsets, group_id))

        await self._shards.change(group_id, act)

    # -- expiry ------------------------------------------------------------------------------

    async def _expire_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._config.offsets_retention_check_interval_ms / 1000)
            self.expire_offsets()

    def expire_offsets(self) -> None:
        """Let go what is over its time (KIP-211), in every shard that is loaded."""
        retention_ms = self._config.offsets_retention_minutes * MINUTE_MS
        for slot in self._shards.ready():
            for group_id in slot.state.group_ids():
                self._shards.begin(slot, group_id, _expire(group_id, retention_ms))

    def _forget_topic(self, topic: str) -> None:
        def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> None:
            step.records.extend(state.offsets.topic_tombstones(topic))

        for slot in self._shards.ready():
            self._shards.begin(slot, "", act)


def _expire(group_id: str, retention_ms: int) -> Act[None]:
    def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> None:
        group = state.find(group_id)
        if group is not None:
            records = offset_rules.expire_offsets(group, state.offsets, now.wall_ms, retention_ms)
            step.records.extend(records)

    return act


def _require_group_id(group_id: str) -> None:
    if not group_id:
        raise KafkaError(ErrorCode.INVALID_GROUP_ID, "the group id is empty")


def _member_group(state: GroupShardState, group_id: str) -> ClassicGroup[Parked]:
    group = state.groups.get(group_id)
    if not isinstance(group, ClassicGroup):
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"no classic group {group_id!r}")
    return group


def _classic_group(
    state: GroupShardState, group_id: str, step: Step[Parked]
) -> ClassicGroup[Parked]:
    """The group to join. An empty KIP-848 or streams group is forgotten for a new classic one."""
    group = state.groups.get(group_id)
    if isinstance(group, ShareGroup):
        raise KafkaError(
            ErrorCode.INCONSISTENT_GROUP_PROTOCOL, f"Group {group_id} is a share group."
        )
    if isinstance(group, StreamsGroup) and group.members:
        raise KafkaError(
            ErrorCode.INCONSISTENT_GROUP_PROTOCOL, f"Group {group_id} is a streams group."
        )
    if not isinstance(group, ConsumerGroup | StreamsGroup):
        return state.classic_to_change(group_id)
    step.records.extend(group.tombstones())
    del state.groups[group_id]
    return state.classic_to_change(group_id)
