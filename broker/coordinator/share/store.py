"""The partitions of __share_group_state as shards: which one a share partition lives on.

The topic is not compacted, because updates build on each other: when a shard's log has grown by
enough records its whole state is written once more, and everything before that is deleted.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from broker.clock import Clock
from broker.config import BrokerConfig
from broker.coordinator.cluster import Cluster
from broker.coordinator.shard import FIRST_SEQUENCE, Decision, Shard
from broker.coordinator.share.locks import ShareLocks
from broker.coordinator.share.records import ShareKey, Value, encode_record, tombstones
from broker.coordinator.share.share_partition import SharePartition
from broker.coordinator.share.state import ShareState
from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import TopicImage
from broker.metadata.records import SHARE_STATE_TOPIC
from broker.partition.partition import Partition
from broker.partition.partitions import Partitions
from broker.protocol.primitives import partitions_of_name

RawRecord = tuple[bytes | None, bytes | None]

Look = Callable[[SharePartition], Value | None]
"""Looks at a share partition and says what shall be recorded, if anything."""


class ShareStore:
    """All share partitions of this broker, by their shard of __share_group_state."""

    def __init__(
        self,
        cluster: Cluster,
        partitions: Partitions,
        config: BrokerConfig,
        clock: Clock,
        locks: ShareLocks,
    ) -> None:
        self._cluster = cluster
        self._partitions = partitions
        self._config = config
        self._clock = clock
        self._locks = locks
        self._slots: dict[int, tuple[Shard, ShareState]] = {}
        self._opening = asyncio.Lock()
        self._pruning: set[int] = set()
        self.leader_epochs: dict[ShareKey, int] = {}
        """The newest that read, as APIs 84 and 85 say; of known share partitions only."""

    async def find(self, key: ShareKey) -> SharePartition | None:
        """The share partition as it is; None when the group never read it."""
        _, state = await self._open(await self._index(key))
        return state.partitions.get(key)

    async def change(self, key: ShareKey, look: Look) -> None:
        """Decide on a share partition (a new one if it is not known), append, apply."""

        def decide(one: SharePartition | None) -> list[RawRecord]:
            value = look(one or SharePartition())
            return [] if value is None else [encode_record(key, value)]

        await self.write(key, decide)

    async def write(
        self, key: ShareKey, decide: Callable[[SharePartition | None], list[RawRecord]]
    ) -> None:
        """Append and apply the records that follow from a share partition, None: not known."""
        index = await self._index(key)
        shard, state = await self._open(index)
        records: list[RawRecord] = []

        def decided() -> Decision[None]:
            records.extend(decide(state.partitions.get(key)))
            return Decision(records, None)

        committed = shard.start(decided)
        one = state.partitions.get(key)
        written = one.written if one is not None else 0
        await committed
        if records and one is not None:  # without records others may be on their way still
            one.landed(written)
        await self._prune(index)

    async def forget(self, group_id: str, topic_id: bytes | None = None) -> None:
        """Nothing of the group (or of it and one topic) is remembered any more."""
        for shard, state in await self._all():
            keys = [key for key in state.of_group(group_id) if topic_id in (None, key.topic_id)]
            if keys:
                records = [record for key in keys for record in tombstones(key)]
                await shard.write(partial(Decision, records, None))
            for key in keys:
                self.leader_epochs.pop(key, None)

    async def of_group(self, group_id: str) -> Mapping[ShareKey, SharePartition]:
        """All partitions that the group reads or read."""
        found: dict[ShareKey, SharePartition] = {}
        for _, state in await self._all():
            found.update(state.of_group(group_id))
        return found

    # -- partitions --------------------------------------------------------------------------

    def partition(self, where: tuple[bytes, int]) -> Partition:
        """UNKNOWN_TOPIC_ID for what is no topic: also for the cluster's own log."""
        if where[0] not in self._cluster.image.names_by_id:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID, "")
        return self._partitions.get_by_id(*where)

    def find_partition(self, where: tuple[bytes, int]) -> Partition | None:
        try:
            return self.partition(where)
        except KafkaError:
            return None

    # -- shards ------------------------------------------------------------------------------

    async def _index(self, key: ShareKey) -> int:
        """Where it lives; if an old data directory holds it elsewhere, there till it is gone."""
        topic = await self.ensure_topic()
        home, former = partitions_of_name(str(key), len(topic.partitions))
        if former != home:
            _, state = await self._open(former)
            if key in state.partitions:
                return former
        return home

    async def _all(self) -> list[tuple[Shard, ShareState]]:
        topic = self._cluster.image.topics.get(SHARE_STATE_TOPIC)
        if topic is None:
            return []
        return [await self._open(index) for index in range(len(topic.partitions))]

    async def ensure_topic(self) -> TopicImage:
        """The topic of share states, made if it is not there."""
        return await self._cluster.ensure_internal_topic(SHARE_STATE_TOPIC)

    async def _open(self, index: int) -> tuple[Shard, ShareState]:
        slot = self._here(index)
        if slot is None:
            async with self._opening:
                slot = self._here(index) or await self._load(index)
                self._slots[index] = slot
        await slot[0].wait_until_loaded()
        slot[0].check_loaded()
        return slot

    def _here(self, index: int) -> tuple[Shard, ShareState] | None:
        """The shard, if it is open and its topic was not deleted."""
        slot = self._slots.get(index)
        if slot is None or not slot[0].is_over:
            return slot
        del self._slots[index]
        for key in slot[1].partitions:
            self.leader_epochs.pop(key, None)
        return None

    async def _load(self, index: int) -> tuple[Shard, ShareState]:
        try:
            partition = self._partitions.get(SHARE_STATE_TOPIC, index)
        except KafkaError as error:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, error.message) from error
        state = ShareState()
        shard = Shard(
            partition,
            state,
            self._clock,
            on_loaded=partial(self._loaded, state),
            base_sequence=FIRST_SEQUENCE,
        )
        await shard.load()
        return shard, state

    def _loaded(self, state: ShareState) -> None:
        """Locks may have ended while answers that are lost now were on their way."""
        state.take_over()
        for key, one in state.partitions.items():
            self._locks.schedule(key, one.next_deadline())

    async def _prune(self, index: int) -> None:
        """Begin the log anew with the whole state, when history outweighs it."""
        slot = self._here(index)
        if slot is None:
            return
        shard, state = slot
        partition = shard.partition
        length = partition.log_end_offset - partition.log_start_offset
        history = self._config.share_coordinator_snapshot_update_records_per_snapshot
        if length < history + 2 * len(state.partitions) or index in self._pruning:
            return
        self._pruning.add(index)
        try:
            start = partition.log_end_offset
            now_ms = self._clock.now_ms()
            await shard.write(
                lambda: Decision(
                    [
                        encode_record(key, one.snapshot(now_ms))
                        for key, one in state.partitions.items()
                    ],
                    None,
                )
            )
            await partition.forget_before(start)
        finally:
            self._pruning.discard(index)


def share_key(group_id: str, partition: Partition) -> ShareKey:
    """One partition as the group reads it."""
    return ShareKey(group_id, partition.topic_id, partition.index)
