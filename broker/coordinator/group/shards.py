"""The partitions of __consumer_offsets as shards: which one a group lives on, loading, changing.

Every change of a group goes `change` -> decide -> append -> apply, and requests that waited for it
are answered when its records are committed. A caller that goes away (its connection closed) does
not stop a change that others wait for.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from broker.clock import Clock
from broker.coordinator.cluster import Cluster
from broker.coordinator.group.asking import Moment
from broker.coordinator.group.classic.group import ClassicGroup
from broker.coordinator.group.classic.messages import Answer, Step
from broker.coordinator.group.classic.rebalance import expire, restart
from broker.coordinator.group.consumer import heartbeat as consumer_heartbeat
from broker.coordinator.group.consumer.group import ConsumerGroup
from broker.coordinator.group.counting import count
from broker.coordinator.group.migration import close
from broker.coordinator.group.offsets import TopicPartition
from broker.coordinator.group.records import encode_record
from broker.coordinator.group.settings import GroupSettings
from broker.coordinator.group.share.group import ShareGroup
from broker.coordinator.group.share.heartbeat import ShareDraft, late_members, remove
from broker.coordinator.group.state import GroupShardState, Parked
from broker.coordinator.group.streams import heartbeat as streams_heartbeat
from broker.coordinator.group.streams.group import StreamsGroup
from broker.coordinator.group.timers import Timers
from broker.coordinator.shard import FIRST_SEQUENCE, NO_PRODUCER, Decision, Shard
from broker.errors import ErrorCode, KafkaError, StorageError
from broker.metadata.image import ClusterImage
from broker.metadata.records import OFFSETS_TOPIC
from broker.metrics import GroupMetrics
from broker.partition.partitions import Partitions
from broker.protocol.primitives import partitions_of_name

log = logging.getLogger(__name__)

R = TypeVar("R")

Act = Callable[[GroupShardState, Moment, Step[Parked]], R]
"""One event: looks at the state, fills the step, returns its own answer; KafkaError refuses."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A shard and its state; `unsettled` are the changes whose records are not on disk yet."""

    shard: Shard
    state: GroupShardState
    unsettled: set[asyncio.Task[None]] = field(default_factory=set)


class GroupShards:
    """All groups of this broker, each on the shard of its partition of __consumer_offsets."""

    def __init__(
        self,
        cluster: Cluster,
        partitions: Partitions,
        clock: Clock,
        settings: GroupSettings,
        tasks: asyncio.TaskGroup,
        *,
        metrics: GroupMetrics,
    ) -> None:
        self.image = cluster.image
        self._partitions = partitions
        self._clock = clock
        self.settings = settings
        self._metrics = metrics
        self._tasks = tasks
        self._slots: dict[int, Slot] = {}
        self.timers = Timers()

    def now(self) -> Moment:
        return Moment(self._clock.monotonic_ms(), self._clock.now_ms())

    # -- finding and loading -----------------------------------------------------------------

    @property
    def count(self) -> int:
        """Partitions of __consumer_offsets; 0 while the topic does not exist."""
        topic = self.image.topics.get(OFFSETS_TOPIC)
        return 0 if topic is None else len(topic.partitions)

    def partition_of(self, group_id: str) -> int:
        """The partition that the group lives on; NOT_COORDINATOR while there is none.

        A group that an old data directory holds elsewhere stays there until it is forgotten.
        """
        if not self.count:
            raise KafkaError(ErrorCode.NOT_COORDINATOR, f"{OFFSETS_TOPIC} does not exist yet")
        home, former = partitions_of_name(group_id, self.count)
        if former != home and self._loaded(former).state.knows(group_id):
            return former
        return home

    def open_all(self, image: ClusterImage) -> None:
        """Let go of what was deleted, and begin to load every partition that is here and new."""
        self.image = image
        for index, slot in tuple(self._slots.items()):
            if slot.shard.is_over:
                del self._slots[index]
                slot.state.reset()
        for index in range(self.count):
            if index not in self._slots:
                try:
                    self._open(index)
                except KafkaError as error:  # tried again when somebody asks for a group there
                    log.warning("groups not available: %s", error)

    def _open(self, index: int) -> Slot:
        try:
            partition = self._partitions.get(OFFSETS_TOPIC, index)
        except KafkaError as error:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, error.message) from error
        state = GroupShardState(self.settings.classic, _refuse)
        shard = Shard(partition, state, self._clock, base_sequence=FIRST_SEQUENCE)
        slot = self._slots[index] = Slot(shard, state)
        self._tasks.create_task(self._load(slot), name=f"load {OFFSETS_TOPIC}-{index}")
        return slot

    async def _load(self, slot: Slot) -> None:
        """Read the partition; it answers COORDINATOR_LOAD_IN_PROGRESS until that is done."""
        try:
            await slot.shard.load()
        except (KafkaError, StorageError) as error:
            log.error("groups cannot be read: %s partition=%s", error, slot.shard.partition)
            return
        self._revive(slot)

    def _revive(self, slot: Slot) -> None:
        """After the log was read: sessions start anew, broken-off rebalances begin again."""
        if not slot.shard.is_loaded or not slot.state.was_reset:
            return
        slot.state.was_reset = False

        for group_id in list(slot.state.groups):
            self.begin(slot, group_id, _restart(group_id, self.settings))

    def slot_of(self, group_id: str) -> Slot:
        """The group's shard; NOT_COORDINATOR or COORDINATOR_LOAD_IN_PROGRESS if not to be had."""
        return self._loaded(self.partition_of(group_id))

    def _loaded(self, index: int) -> Slot:
        slot = self._slots.get(index) or self._open(index)
        slot.shard.check_loaded()
        return slot

    def all_loaded(self) -> Iterable[Slot]:
        """Every shard; COORDINATOR_LOAD_IN_PROGRESS if one is not ready."""
        for index in range(self.count):
            slot = self._slots.get(index) or self._open(index)
            if slot.shard.is_over:
                continue  # its topic is being deleted
            slot.shard.check_loaded()
            yield slot

    def exists(self, where: TopicPartition) -> bool:
        """Whether the cluster has this partition."""
        topic = self.image.topics.get(where.topic)
        return topic is not None and 0 <= where.partition < len(topic.partitions)

    def ready(self) -> list[Slot]:
        """The shards that can be used now."""
        return [slot for slot in self._slots.values() if slot.shard.is_loaded]

    def slot_at(self, index: int) -> Slot | None:
        return self._slots.get(index)

    # -- changing ----------------------------------------------------------------------------

    async def change(self, group_id: str, act: Act[R]) -> R:
        """Let `act` happen to the group; returns when its records are committed."""
        return await self.begin(self.slot_of(group_id), group_id, act)

    async def read(self, group_id: str, act: Act[R]) -> R:
        """Look at the group once everything decided about its shard so far is committed."""
        slot = self.slot_of(group_id)
        if slot.unsettled:
            await asyncio.wait(slot.unsettled.copy())
            slot.shard.check_loaded()  # one of them may have failed
        return act(slot.state, self.now(), Step())

    def begin(
        self, slot: Slot, group_id: str, act: Act[R], producer: tuple[int, int] = NO_PRODUCER
    ) -> asyncio.Future[R]:
        """The change is decided and applied when this returns, and committed when the future is.

        The future may be dropped: the change goes on, for those who wait for its answers.
        """
        step: Step[Parked] = Step()
        outcome: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        outcome.add_done_callback(_look_at)

        def decide() -> Decision[R]:
            response = act(slot.state, self.now(), step)
            self.schedule(slot, group_id)
            count(step.records, self._metrics)
            return Decision([encode_record(r) for r in step.records], response, producer)

        try:
            committed = slot.shard.start(decide)
        except KafkaError as refusal:
            _refuse(answer.token for answer in step.answers)
            outcome.set_exception(refusal)
            return outcome
        if step.restarts:
            self.begin(slot, group_id, _restart(group_id, self.settings))
        task = self._tasks.create_task(self._settle(slot, committed, step, outcome))
        if step.records:
            slot.unsettled.add(task)
            task.add_done_callback(slot.unsettled.discard)
        return outcome

    async def _settle(
        self,
        slot: Slot,
        committed: Coroutine[Any, Any, R],
        step: Step[Parked],
        outcome: asyncio.Future[R],
    ) -> None:
        """Hand out the answers of a step once its records are on disk, or refusals if not."""
        try:
            response = await committed
        except Exception as error:  # noqa: BLE001 - costs those who wait for it, not the broker
            _refuse(answer.token for answer in step.answers)
            if not outcome.done():
                outcome.set_exception(error)
            await slot.shard.wait_until_loaded()
            self._revive(slot)
            return
        _release(step.answers)
        if not outcome.done():
            outcome.set_result(response)

    def schedule(self, slot: Slot, group_id: str) -> None:
        group = slot.state.groups.get(group_id)
        if group is not None:
            self.timers.schedule(group_id, group.next_deadline())

    def attend(self, group_id: str) -> None:
        """A group's time has come: do what is due and make the next appointment."""
        try:
            slot = self.slot_of(group_id)
        except KafkaError as refusal:
            log.debug("timer without effect: %s group=%s", refusal, group_id)
            return
        if group_id in slot.state.groups:
            self.begin(slot, group_id, _expire(group_id, self.image, self.settings))


def _restart(group_id: str, settings: GroupSettings) -> Act[None]:
    def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> None:
        match state.groups.get(group_id):
            case ClassicGroup() as group:
                restart(group, now, step)
            case ConsumerGroup() as group:
                for member in group.members.values():
                    consumer_heartbeat.touch(group, member, now, settings.consumer(group_id))
            case ShareGroup() as group:
                for member_id in group.members:
                    group.touch(member_id, now, settings.share(group_id))
            case StreamsGroup() as group:
                for member_id in group.members:
                    group.touch(member_id, now, settings.streams(group_id))

    return act


def _expire(group_id: str, image: ClusterImage, settings: GroupSettings) -> Act[None]:
    def act(state: GroupShardState, now: Moment, step: Step[Parked]) -> None:
        match state.groups.get(group_id):
            case ClassicGroup() as group:
                expire(group, now, step)
            case ConsumerGroup() as group:
                draft = consumer_heartbeat.Draft(group, image, now)
                consumer_heartbeat.expire(draft)
                close(draft, settings, step)
            case ShareGroup() as group:
                share = ShareDraft(group, image)
                remove(share, late_members(group, now))
                step.records.extend(share.records)
            case StreamsGroup() as group:
                limits = settings.streams(group_id)
                streams = streams_heartbeat.StreamsDraft(group, image, now, limits)
                streams_heartbeat.expire(streams)
                step.records.extend(streams.records)
                group.memory = streams.group.memory

    return act


def _look_at(outcome: asyncio.Future[R]) -> None:
    """Whoever asked may have gone away; a refusal nobody reads is not a lost error."""
    if not outcome.cancelled():
        outcome.exception()


def _release(answers: Iterable[Answer[Parked]]) -> None:
    for answer in answers:
        if not answer.token.done():  # a client that hung up does not wait any more
            answer.token.set_result(answer.response)


def _refuse(tokens: Iterable[Parked]) -> None:
    """What was decided did not reach the disk: the clients find their coordinator anew."""
    for token in tokens:
        if not token.done():
            token.set_exception(KafkaError(ErrorCode.NOT_COORDINATOR, "the group is read again"))
            token.exception()  # whose own step failed was told so already, and does not look at it
