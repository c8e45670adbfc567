"""Members of a share group (KIP-932): records are accepted, released, rejected, or left lying.

A member notes what it was given and, when the broker took its word, what is done. Whoever loses
its session or its connection begins again as somebody new.
"""

import asyncio
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from broker.errors import ErrorCode
from broker.metadata.image import ResourceType
from broker.protocol.messages import share_acknowledge, share_fetch
from broker.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from broker.protocol.messages.share_group_heartbeat import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
)
from broker.records.batch import iterate
from broker.records.record import decode_records
from tests.support.raw_client import RawClient
from tests.support.share_calls import ACCEPT, REJECT, RELEASE
from tests.support.workload.history import Delivered, Done, LetGo, now_s
from tests.support.workload.share_rules import DELIVERIES_MAX, LOCK_S
from tests.support.workload.world import World, accept, live

GROUP: Final = "queue"
SETTINGS: Final = {
    "group_share_session_timeout_ms": 3_000,
    "group_share_min_session_timeout_ms": 500,
    "group_share_heartbeat_interval_ms": 200,
    "group_share_min_heartbeat_interval_ms": 100,
    "group_share_record_lock_duration_ms": int(LOCK_S * 1000),
    "group_share_min_record_lock_duration_ms": 1_000,
    "group_share_delivery_count_limit": DELIVERIES_MAX,
}
BEAT_S: Final = 0.3
RECORDS_MAX = 200
DRAIN_PATIENCE_S = 30.0
LEAVE_EPOCH = -1


@dataclass(slots=True)
class Consumer:
    """One membership and its share session."""

    world: World
    client: RawClient
    member_id: str
    epoch: int = 0
    session_epoch: int = 0
    next_beat_s: float = 0.0
    partitions: list[tuple[bytes, int]] = field(default_factory=list)

    async def beat(self, epoch: int | None = None) -> None:
        """Say that it is alive; its partitions may change."""
        topics = [self.world.topic] if self.epoch == 0 else None
        request = ShareGroupHeartbeatRequest(
            GROUP,
            self.member_id,
            self.epoch if epoch is None else epoch,
            subscribed_topic_names=topics,
        )
        answer = await self.client.ask(request, 1, ShareGroupHeartbeatResponse)
        accept(answer.error_code, "share heartbeat")
        self.epoch = answer.member_epoch
        self.next_beat_s = now_s() + BEAT_S
        if answer.assignment is not None:
            self.partitions = [
                (topic.topic_id, index)
                for topic in answer.assignment.topic_partitions
                for index in topic.partitions
            ]

    async def fetch(self) -> list[tuple[bytes, int, range, dict[int, str]]]:
        """(topic id, partition, offsets that were given, values) of each run."""
        began_s = now_s()
        topics = [
            share_fetch.FetchTopic(topic_id, [share_fetch.FetchPartition(index)])
            for topic_id, index in self.partitions
        ]
        request = share_fetch.ShareFetchRequest(
            group_id=GROUP,
            member_id=self.member_id,
            share_session_epoch=self.session_epoch,
            max_wait_ms=100,
            min_bytes=1,
            max_records=RECORDS_MAX,
            batch_size=RECORDS_MAX,
            topics=topics if self.session_epoch == 0 else [],
        )
        answer = await self.client.ask(request, 1, share_fetch.ShareFetchResponse)
        accept(answer.error_code, "share fetch")
        self.session_epoch += 1
        given = []
        for topic in answer.responses:
            for part in topic.partitions:
                accept(part.error_code, "share fetch")
                values = dict(_values_in(bytes(part.records or b"")))
                index = part.partition_index
                for run in part.acquired_records:
                    offsets = range(run.first_offset, run.last_offset + 1)
                    self._note(index, offsets, values, (began_s, run.delivery_count))
                    given.append((topic.topic_id, index, offsets, values))
        return given

    def _note(
        self, index: int, offsets: Iterable[int], values: dict[int, str], told: tuple[float, int]
    ) -> None:
        """`told`: since when it had asked, and which delivery it is."""
        place = self.world.place(index)
        for offset in offsets:
            if offset in values:
                self.world.recorder.add(
                    Delivered(GROUP, self.member_id, place, offset, values[offset], *told)
                )

    async def answer(self, topic_id: bytes, index: int, first: int, types: list[int]) -> None:
        """Acknowledge a run, record by record."""
        last = first + len(types) - 1
        for offset in range(first, last + 1):
            place = self.world.place(index)
            self.world.recorder.add(LetGo(GROUP, self.member_id, place, offset))
        batch = share_acknowledge.AcknowledgementBatch(first, last, types)
        partition = share_acknowledge.AcknowledgePartition(index, [batch])
        request = share_acknowledge.ShareAcknowledgeRequest(
            group_id=GROUP,
            member_id=self.member_id,
            share_session_epoch=self.session_epoch,
            topics=[share_acknowledge.AcknowledgeTopic(topic_id, [partition])],
        )
        answer = await self.client.ask(request, 1, share_acknowledge.ShareAcknowledgeResponse)
        accept(answer.error_code, "share acknowledge")
        self.session_epoch += 1
        accept(answer.responses[0].partitions[0].error_code, "share acknowledge")
        for offset, kind in enumerate(types, start=first):
            if kind in (ACCEPT, REJECT):
                self.world.recorder.add(Done(GROUP, self.world.place(index), offset))


def _values_in(records: bytes) -> Iterator[tuple[int, str]]:
    view = memoryview(records)
    for position, header in iterate(view):
        if not header.is_control:
            batch = view[position : position + header.size_bytes]
            for record in decode_records(header, batch):
                yield record.offset, (record.value or b"").decode()


async def prepare(client: RawClient) -> None:
    """The group begins with the first record, and gets committed ones only."""
    configs = [
        AlterableConfig("share.auto.offset.reset", 0, "earliest"),
        AlterableConfig("share.isolation.level", 0, "read_committed"),
    ]
    resource = AlterConfigsResource(int(ResourceType.GROUP), GROUP, configs)
    answer = await client.ask(
        IncrementalAlterConfigsRequest([resource]), 1, IncrementalAlterConfigsResponse
    )
    assert answer.responses[0].error_code == ErrorCode.NONE, answer.responses[0].error_message


def share(world: World, name: str, dice: random.Random) -> None:
    """Take records and treat them in all ways there are."""

    async def session(client: RawClient) -> None:
        me = Consumer(world, client, f"{name}-{next(world.numbers)}")
        try:
            await work(me)
        finally:
            world.recorder.add(LetGo(GROUP, me.member_id))

    async def work(me: Consumer) -> None:
        while not world.stopping.is_set():
            if now_s() >= me.next_beat_s:
                await me.beat()
            if not me.partitions:
                await asyncio.sleep(0.05)
                continue
            for topic_id, index, offsets, values in await me.fetch():
                if dice.random() < 0.9:
                    types = [_treatment(offset in values, dice) for offset in offsets]
                    await me.answer(topic_id, index, offsets.start, types)
            await asyncio.sleep(dice.uniform(0, 0.1))
        world.recorder.add(LetGo(GROUP, me.member_id))
        await me.beat(LEAVE_EPOCH)

    live(world, session, dice)


def _treatment(is_record: bool, dice: random.Random) -> int:
    if not is_record:
        return 0  # a gap
    return dice.choices((ACCEPT, RELEASE, REJECT), weights=(16, 2, 1))[0]


def drain(world: World) -> None:
    """Accept everything that is left, locks that nobody will answer for among it."""
    asyncio.run(_drain(world))


async def _drain(world: World) -> None:
    async with await RawClient.connect(world.host, world.port) as client:
        me = Consumer(world, client, f"drain-{next(world.numbers)}")
        deadline_s = time.monotonic() + DRAIN_PATIENCE_S
        quiet_since_s = now_s()
        while now_s() - quiet_since_s < 2 * LOCK_S and time.monotonic() < deadline_s:
            if now_s() >= me.next_beat_s:
                await me.beat()
            if len(me.partitions) < world.partitions:  # others were not missed yet
                await asyncio.sleep(0.05)
                quiet_since_s = now_s()
                continue
            for topic_id, index, offsets, values in await me.fetch():
                quiet_since_s = now_s()
                types = [ACCEPT if offset in values else 0 for offset in offsets]
                await me.answer(topic_id, index, offsets.start, types)
