"""Records that may go: a journal whose beginning is deleted, a diary and news that lose their
oldest, a ledger that is compacted, and a slate that forgets its tombstones as well.
"""

import asyncio
import random
from typing import Final

from broker.errors import ErrorCode
from broker.protocol.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopic,
)
from broker.protocol.messages.fetch import (
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
)
from broker.protocol.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)
from broker.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from broker.records.batch import build_batch, iterate
from broker.records.record import Record, decode_records
from tests.support.raw_client import RawClient
from tests.support.workload import raw_clients
from tests.support.workload.history import (
    Acknowledged,
    Deleted,
    Deleting,
    MayGo,
    OutOfRange,
    Polled,
    Sent,
    StartSeen,
    now_s,
)
from tests.support.workload.world import IDENTITY, World, accept, identity_of, live

JOURNAL: Final = "journal"
LEDGER: Final = "ledger"
SLATE: Final = "slate"
DIARY: Final = "diary"
NEWS: Final = "news"
LEDGER_CONFIG: Final = {"cleanup_policy": "compact", "min_cleanable_dirty_ratio": "0.01"}
SLATE_CONFIG: Final = {**LEDGER_CONFIG, "delete_retention_ms": "0"}
DIARY_CONFIG: Final = {"retention_bytes": "400000", "retention_ms": "-1"}
NEWS_CONFIG: Final = {"retention_ms": "1500"}
KEYS: Final = 40
TOMBSTONES: Final = 0.15
LARGE: Final = b"x" * 6_000
FETCH_VERSION: Final = 12
EARLIEST: Final = -2
KEY_REPEATED: Final = 100  # long keys fill segments, and only full ones are compacted
CUT_RECORDS_MAX = 60
PAUSE_S_MAX = 0.02


def write_journal(world: World, name: str, dice: random.Random) -> None:
    """Plain records, for the axe."""
    raw_clients.write_plainly(world.on(JOURNAL, 1), name, dice)


def cut_journal(world: World, name: str, dice: random.Random) -> None:
    """DeleteRecords, now and then."""
    place, low = world.on(JOURNAL, 1).place(0), 0

    async def session(client: RawClient) -> None:
        nonlocal low
        while not world.stopping.is_set():
            await asyncio.sleep(dice.uniform(0, 0.5))
            before = low + dice.randint(0, CUT_RECORDS_MAX)
            world.recorder.add(Deleting(place, before))
            wanted = DeleteRecordsTopic(JOURNAL, [DeleteRecordsPartition(0, before)])
            answer = await client.ask(
                DeleteRecordsRequest([wanted], 5000), 2, DeleteRecordsResponse
            )
            part = answer.topics[0].partitions[0]
            accept(part.error_code, "delete records")
            low = part.low_watermark
            world.recorder.add(Deleted(place, low))

    live(world, session, dice)


def write_ledger(world: World, name: str, dice: random.Random) -> None:
    """One keyed record at a time, on one of two compacted topics.

    Some are tombstones. Whether an unanswered one is there is not found out.
    """
    topics = (LEDGER, SLATE)

    async def session(client: RawClient) -> None:
        while not world.stopping.is_set():
            place = world.on(dice.choice(topics), 1)
            key, value = f"k{dice.randrange(KEYS)}", f"{name}-{next(world.numbers)}"
            tombstone = dice.random() < TOMBSTONES
            sent = Sent(name, place.place(0), value, key=key, tombstone=tombstone)
            world.recorder.add(sent)
            record = Record(
                0,
                -1,
                key.encode() * KEY_REPEATED,
                None if tombstone else value.encode(),
                ((IDENTITY, value.encode()),),
            )
            await _write(client, place, value, record)
            await asyncio.sleep(dice.uniform(0, PAUSE_S_MAX))

    live(world, session, dice)


def write_diary(world: World, name: str, dice: random.Random) -> None:
    """Large records, one at a time, on topics that lose their oldest by size and by time."""
    topics = (DIARY, NEWS)

    async def session(client: RawClient) -> None:
        while not world.stopping.is_set():
            place, value = world.on(dice.choice(topics), 1), f"{name}-{next(world.numbers)}"
            world.recorder.add(Sent(name, place.place(0), value))
            await _write(client, place, value, Record(0, -1, LARGE, value.encode()))
            await asyncio.sleep(dice.uniform(0, PAUSE_S_MAX))

    live(world, session, dice)


async def _write(client: RawClient, place: World, value: str, record: Record) -> None:
    """One record, noted when it is acknowledged; Answered when it was refused."""
    data = PartitionProduceData(0, memoryview(bytearray(build_batch([record]))))
    topic = TopicProduceData(name=place.topic, partition_data=[data])
    request = ProduceRequest(acks=-1, timeout_ms=5000, topic_data=[topic])
    answer = await client.ask(request, raw_clients.PRODUCE_VERSION, ProduceResponse)
    part = answer.responses[0].partition_responses[0]
    if part.error_code != ErrorCode.NONE:
        await asyncio.sleep(PAUSE_S_MAX)
    accept(part.error_code, "produce")
    place.recorder.add(Acknowledged(place.place(0), value, part.base_offset))


def browse(world: World, name: str, dice: random.Random) -> None:
    """Reads what may go while it reads: whoever is refused looks where the log begins."""
    topics = (DIARY, NEWS, JOURNAL)

    async def session(client: RawClient) -> None:
        place = world.on(dice.choice(topics), 1)
        at = await start_of(client, place, 0)
        reading = f"{name}-{next(world.numbers)}"
        while not world.stopping.is_set() and dice.random() > 0.02:
            wanted = FetchPartition(0, fetch_offset=at, partition_max_bytes=1 << 16)
            topic = FetchTopic(topic=place.topic, partitions=[wanted])
            request = FetchRequest(max_wait_ms=50, min_bytes=1, topics=[topic])
            answer = await client.ask(request, FETCH_VERSION, FetchResponse)
            part = answer.responses[0].partitions[0]
            if part.error_code == ErrorCode.OFFSET_OUT_OF_RANGE:
                world.recorder.add(OutOfRange(place.place(0), at))
                at = await start_of(client, place, 0)
                reading = f"{name}-{next(world.numbers)}"
                continue
            accept(part.error_code, "fetch")
            view = memoryview(bytes(part.records or b""))
            for position, header in iterate(view):
                batch = view[position : position + header.size_bytes]
                for record in decode_records(header, batch):
                    if record.offset >= at:
                        found = identity_of(record.value, record.headers)
                        world.recorder.add(Polled(reading, place.place(0), record.offset, found))
                at = max(at, header.next_offset)
            await asyncio.sleep(dice.choice((0.0, 0.0, 0.5)))

    live(world, session, dice)


async def start_of(client: RawClient, world: World, partition: int) -> int:
    """Where a log begins, noted in the history."""
    began_s = now_s()
    wanted = ListOffsetsPartition(partition, timestamp=EARLIEST)
    request = ListOffsetsRequest(-1, 0, [ListOffsetsTopic(world.topic, [wanted])])
    answer = await client.ask(request, 6, ListOffsetsResponse)
    part = answer.topics[0].partitions[0]
    accept(part.error_code, "list offsets")
    world.recorder.add(StartSeen(world.place(partition), part.offset, began_s))
    return part.offset


def note_what_may_go(world: World) -> None:
    """What the settings of the topics here allow."""
    for topic in (DIARY, NEWS):
        world.recorder.add(MayGo(world.on(topic, 1).place(0), aged=True))
    world.recorder.add(MayGo(world.on(SLATE, 1).place(0), tombstones=True))
