"""The cluster: topics, settings, producer ids and features, decided on `__cluster_metadata-0`.

One writer at a time: a decision is made on the newest state, appended, committed, and only then
published: partitions are made or closed first, then everybody sees the new image. A client that was
told "created" finds the topic in the very next request.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from broker.clock import Clock
from broker.config import BrokerConfig
from broker.coordinator.metadata_state import MetadataState
from broker.coordinator.shard import Decision, Shard
from broker.errors import ErrorCode, KafkaError
from broker.metadata import config_changes, controller
from broker.metadata.config_changes import ConfigChange
from broker.metadata.controller import TopicSpec
from broker.metadata.features import (
    BOOTSTRAP_FEATURES,
    ELIGIBLE_LEADER_REPLICAS,
    KRAFT_VERSION,
)
from broker.metadata.image import ClusterImage, ConfigResource, ResourceType, TopicImage
from broker.metadata.internal_topics import spec_of
from broker.metadata.records import (
    FeatureLevelRecord,
    MetadataRecord,
    RegisterBrokerRecord,
    encode_record,
)
from broker.partition.partition import Partition

log = logging.getLogger(__name__)

R = TypeVar("R")
T = TypeVar("T")

CHANGES_MAX = 1024  # changes that may wait for the one writer
SNAPSHOT_AT_RECORDS = 1000  # replaying fewer costs a few milliseconds
SNAPSHOT_AT_RATIO = 3  # records in the log for each that a snapshot would have

Follow = Callable[[ClusterImage], Awaitable[None]]
CheckListeners = Callable[[Mapping[str, str | None]], Awaitable[None]]
"""Given the changed settings of this broker's listeners (None: taken away): KafkaError if amiss."""
DecideConfigs = Callable[[ClusterImage], list[MetadataRecord]]
Decide = Callable[[ClusterImage], tuple[list[MetadataRecord], R]]


class Cluster:
    """What the cluster is (`image`) and the verbs that change it."""

    def __init__(
        self,
        config: BrokerConfig,
        clock: Clock,
        partition: Partition,
        *,
        cluster_id: str,
        directory_id: bytes,
        new_id: Callable[[], bytes],
    ) -> None:
        """`directory_id`: of the log directory in which the metadata lies."""
        self.config = config
        self.cluster_id = cluster_id
        self.directory_id = directory_id
        self.image = ClusterImage()
        self.new_id = new_id
        self._state = MetadataState()
        self._shard = Shard(partition, self._state, clock)
        self._followers: list[Follow] = []
        self._check_listeners: CheckListeners | None = None
        self._changes: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue(CHANGES_MAX)
        self._producer_ids = range(0)
        self._allocating = asyncio.Lock()

    @property
    def node_id(self) -> int:
        return self.config.node_id

    @property
    def may_quorum_change(self) -> bool:
        """Whether Apache Kafka would add and remove voters (KIP-853)."""
        return self.image.features.get(KRAFT_VERSION, 0) > 0

    @property
    def rack(self) -> str | None:
        """Where this broker stands, if it was told."""
        return self.config.broker_rack or None

    @property
    def partition(self) -> Partition:
        """The metadata log itself."""
        return self._shard.partition

    def followed_by(self, follow: Follow) -> None:
        """`follow(image)` is awaited for each new image, before it is published."""
        self._followers.append(follow)

    def listeners_asked(self, check: CheckListeners) -> None:
        """`check(changes)` is awaited before settings of single listeners are changed."""
        self._check_listeners = check

    async def start(self) -> None:
        """Read the metadata log, register this broker with a new epoch, publish the image."""
        await self._shard.load()
        await self._change(self._registration)
        await self._snapshot_if_worth_it()

    async def run(self) -> None:
        """Make the changes that are asked for, one after another, until cancelled."""
        while True:
            change = await self._changes.get()
            await change()

    # Topics

    async def create_topics(
        self, specs: Sequence[TopicSpec], *, validate_only: bool = False
    ) -> list[TopicImage | KafkaError]:
        """Each topic by itself: the image it has now, or the reason why it was not made."""
        before: ClusterImage | None = None

        def decide(image: ClusterImage, spec: TopicSpec) -> list[MetadataRecord]:
            nonlocal before
            before = before or image
            return controller.create_topic(image, spec, self.new_id(), self.config, before)

        return await self._each(
            specs,
            decide,
            lambda image, spec: image.topics[spec.name],
            validate_only=validate_only,
        )

    async def delete_topics(self, wanted: Sequence[str | bytes]) -> list[TopicImage | KafkaError]:
        """Delete topics by name or id; each answered by what it was, or a refusal."""
        before = self._state.image

        def find(image: ClusterImage, name_or_id: str | bytes) -> TopicImage:
            if isinstance(name_or_id, str):
                return controller.find_topic(image, name_or_id)
            return controller.find_topic_by_id(image, name_or_id)

        def decide(image: ClusterImage, name_or_id: str | bytes) -> list[MetadataRecord]:
            if not self.config.delete_topic_enable:
                raise KafkaError(ErrorCode.TOPIC_DELETION_DISABLED, "Topic deletion is disabled.")
            return controller.delete_topic(image, find(image, name_or_id))

        return await self._each(wanted, decide, lambda image, name: find(before, name))

    async def create_partitions(
        self,
        wanted: Sequence[tuple[str, int, Sequence[Sequence[int]] | None]],
        *,
        validate_only: bool = False,
    ) -> list[TopicImage | KafkaError]:
        """(topic, new count, replicas of the new ones or None): the topic then, or a refusal."""
        return await self._each(
            wanted,
            lambda image, item: controller.create_partitions(image, *item, self.config),
            lambda image, item: image.topics[item[0]],
            validate_only=validate_only,
        )

    async def ensure_internal_topic(self, name: str) -> TopicImage:
        """The coordinators' topic `name`, made now if this is the first time it is needed."""
        topic = self.image.topics.get(name)
        if topic is not None:
            return topic
        made = (await self.create_topics([spec_of(name, self.config)]))[0]
        if isinstance(made, KafkaError):
            if made.code is not ErrorCode.TOPIC_ALREADY_EXISTS:
                raise made
            topic = self.image.topics.get(name)  # another request made it while this one waited
            if topic is None:  # and a third one deleted it again
                raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, f"{name} was deleted")
            return topic
        return made

    # Settings

    async def alter_configs(
        self,
        wanted: Sequence[tuple[ConfigResource, Sequence[ConfigChange]]],
        *,
        validate_only: bool = False,
    ) -> list[KafkaError | None]:
        """Single changes to the settings of each resource; all of a resource or none."""
        alter = partial(config_changes.alter_configs, config=self.config)
        return await self._alter(
            [(one, partial(alter, resource=one, changes=changes)) for one, changes in wanted],
            validate_only=validate_only,
        )

    async def replace_configs(
        self,
        wanted: Sequence[tuple[ConfigResource, Sequence[tuple[str, str | None]]]],
        *,
        validate_only: bool = False,
    ) -> list[KafkaError | None]:
        """All settings of each resource anew (the legacy AlterConfigs)."""
        replace = partial(config_changes.replace_configs, config=self.config)
        return await self._alter(
            [(one, partial(replace, resource=one, values=values)) for one, values in wanted],
            validate_only=validate_only,
        )

    async def _alter(
        self, wanted: Sequence[tuple[ConfigResource, DecideConfigs]], *, validate_only: bool
    ) -> list[KafkaError | None]:
        unfit = [await self._refusal_of_listeners(resource, alter) for resource, alter in wanted]

        def decide(image: ClusterImage, number: int) -> list[MetadataRecord]:
            records = wanted[number][1](image)
            if (refusal := unfit[number]) is not None:
                raise refusal
            return records

        numbers = range(len(wanted))
        return await self._each(
            numbers, decide, lambda image, number: None, validate_only=validate_only
        )

    async def _refusal_of_listeners(
        self, resource: ConfigResource, alter: DecideConfigs
    ) -> KafkaError | None:
        """Why this broker's listeners could not be served after a change of its settings."""
        if self._check_listeners is None or resource != (ResourceType.BROKER, str(self.node_id)):
            return None
        try:
            records = alter(self.image)
            changes = config_changes.of_listeners(records)
            if changes:
                await self._check_listeners(changes)
        except KafkaError as refusal:
            return refusal
        return None

    # Producer ids

    async def next_producer_id(self) -> int:
        """An id no producer ever had; a block is written down before its first id is given."""
        async with self._allocating:
            if not self._producer_ids:
                first = await self._write(
                    lambda image: controller.allocate_producer_ids(image, self.node_id)
                )
                self._producer_ids = range(first, first + controller.PRODUCER_ID_BLOCK)
            producer_id = self._producer_ids[0]
            self._producer_ids = self._producer_ids[1:]
            return producer_id

    async def unregister_broker(self, broker_id: int) -> None:
        """Take a broker that is gone out of the cluster."""
        await self._write(
            lambda image: (controller.unregister_broker(image, broker_id, self.node_id), None)
        )

    async def write_records(self, decide: Decide[R]) -> R:
        """Decide anything else on the newest image: (records, answer); answers when committed."""
        return await self._write(decide)

    # How

    async def _each(
        self,
        items: Sequence[T],
        decide: Callable[[ClusterImage, T], list[MetadataRecord]],
        answer: Callable[[ClusterImage, T], R],
        *,
        validate_only: bool = False,
    ) -> list[R | KafkaError]:
        """Decide item by item, each seeing the ones before; one append for all of them."""
        refusals: dict[int, KafkaError] = {}

        def decide_all(image: ClusterImage) -> tuple[list[MetadataRecord], list[R | KafkaError]]:
            records: list[MetadataRecord] = []
            for number, item in enumerate(items):
                try:
                    decided = decide(image, item)
                except KafkaError as refusal:
                    refusals[number] = refusal
                else:
                    image = image.apply(decided)
                    records += decided
            answers: list[R | KafkaError] = [
                refusals[number] if number in refusals else answer(image, item)
                for number, item in enumerate(items)
            ]
            return ([] if validate_only else records), answers

        return await self._write(decide_all)

    async def _write(self, decide: Decide[R]) -> R:
        """Have the writer make a change, and wait for its answer.

        Whoever waits may be cancelled (a client that hangs up): the change goes on to its end.
        """
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()

        async def change() -> None:
            try:
                response = await self._change(decide)
            except Exception as error:  # noqa: BLE001 - it is raised where the change was asked for
                if not answer.done():
                    answer.set_exception(error)
            else:
                if not answer.done():
                    answer.set_result(response)

        await self._changes.put(change)
        return await answer

    async def _change(self, decide: Decide[R]) -> R:
        """The one way to change the cluster: decide, commit, let everybody follow, publish."""

        def decide_now() -> Decision[R]:
            records, response = decide(self._state.image)
            return Decision([(None, encode_record(record)) for record in records], response)

        await self._shard.wait_until_loaded()
        response = await self._shard.write(decide_now)
        await self._publish()
        return response

    async def _publish(self) -> None:
        image = self._state.image
        if image is self.image:
            return
        for follow in self._followers:
            await follow(image)
        self.image = image

    def _registration(self, image: ClusterImage) -> tuple[list[MetadataRecord], None]:
        known = image.brokers.get(self.node_id)
        records: list[MetadataRecord] = [
            RegisterBrokerRecord(
                broker_id=self.node_id,
                incarnation_id=self.new_id(),
                broker_epoch=0 if known is None else known.epoch + 1,
                fenced=False,
                rack=self.rack,
            )
        ]
        is_new = not image.features
        records += [
            FeatureLevelRecord(name=name, feature_level=level)
            for name, level in BOOTSTRAP_FEATURES.items()
            if name not in image.features and (is_new or name != ELIGIBLE_LEADER_REPLICAS)
        ]
        if is_new:
            records += config_changes.bootstrap_configs(self.config)
        return records, None

    async def _snapshot_if_worth_it(self) -> None:
        """Begin the log anew with the records that make the image, when history outweighs it."""
        partition = self.partition
        length = partition.log_end_offset - partition.log_start_offset
        records = self.image.as_records()
        if length < SNAPSHOT_AT_RECORDS or length < SNAPSHOT_AT_RATIO * len(records):
            return
        start = partition.log_end_offset
        await self._change(lambda image: (image.as_records(), None))
        await partition.forget_before(start)
        log.info("metadata log begins anew records_before=%d records=%d", length, len(records))
