"""Where share groups are, told to administrators and set by them."""

import asyncio
from collections.abc import Iterable
from functools import partial

from broker.clock import Clock
from broker.coordinator.share.deliveries import Deliveries, deliveries
from broker.coordinator.share.giving import beginning
from broker.coordinator.share.messages import ShareOffset, Where
from broker.coordinator.share.records import NOT_COUNTED, UNCHANGED, ShareKey, encode_record
from broker.coordinator.share.settings import ShareSettings
from broker.coordinator.share.share_partition import SharePartition
from broker.coordinator.share.store import RawRecord, ShareStore, share_key
from broker.partition.partition import Partition

UNKNOWN = -1
"""The lag before a member answered: Kafka counts what is done with from then on."""


class ShareOffsets:
    def __init__(self, store: ShareStore, settings: ShareSettings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    async def of_group(self, group_id: str) -> list[ShareOffset]:
        """Where the group is in each partition that it reads, will read or read."""
        known = await self._store.of_group(group_id)
        return [self._offset(key, one) for key, one in known.items()]

    async def deliveries(self, group_id: str) -> list[tuple[str, int, Deliveries]]:
        """What became of the records of each partition that is there; other work goes on."""
        found = []
        for key, one in (await self._store.of_group(group_id)).items():
            partition = self._store.find_partition((key.topic_id, key.partition))
            if partition is not None:
                found.append((partition.topic, partition.index, deliveries(one)))
            await asyncio.sleep(0)
        return found

    def _offset(self, key: ShareKey, one: SharePartition) -> ShareOffset:
        partition = self._store.find_partition((key.topic_id, key.partition))
        lag = UNKNOWN
        if partition is not None and one.delivered != NOT_COUNTED:
            end = partition.end_for(self._settings.read_end(key.group_id))
            lag = max(0, end - one.start - one.delivered)
        return ShareOffset((key.topic_id, key.partition), one.told_start, lag)

    async def prepare(self) -> None:
        """Somebody joins a group: what takes long is done before its session begins."""
        await self._store.ensure_topic()

    async def initialize(self, group_id: str, partitions: Iterable[Where]) -> None:
        """The group will read these: nothing is known of where, and that is written down."""
        value = beginning(UNCHANGED, 0, self._clock.now_ms())
        keys = [ShareKey(group_id, topic_id, index) for topic_id, index in sorted(partitions)]

        def decided(key: ShareKey, one: SharePartition | None) -> list[RawRecord]:
            return [encode_record(key, value)] if one is None else []

        await asyncio.gather(*(self._store.write(key, partial(decided, key)) for key in keys))

    async def put(self, group_id: str, partition: Partition, offset: int) -> None:
        """The group goes on at `offset`, whatever happened before; at -1: where a new one would.

        Other negative offsets are kept as they are, as in Kafka: the log begins behind them.
        """
        now_ms = self._clock.now_ms()
        await self._store.change(
            share_key(group_id, partition),
            lambda one: beginning(offset, one.state_epoch + 1, now_ms),
        )

    async def forget(self, group_id: str, topic_id: bytes | None = None) -> None:
        """The group (or its part of one topic) was deleted."""
        await self._store.forget(group_id, topic_id)
