"""Records that may go: a journal whose beginning is deleted, a ledger that is compacted."""

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
from broker.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from broker.records.batch import build_batch
from broker.records.record import Record
from tests.support.raw_client import RawClient
from tests.support.workload import raw_clients
from tests.support.workload.history import Acknowledged, Deleted, Deleting, Sent
from tests.support.workload.world import World, accept, live

JOURNAL: Final = "journal"
LEDGER: Final = "ledger"
LEDGER_CONFIG: Final = {"cleanup_policy": "compact", "min_cleanable_dirty_ratio": "0.01"}
KEYS: Final = 40
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
    """One keyed record at a time; whether an unanswered one is there is not found out."""
    ledger = world.on(LEDGER, 1)

    async def session(client: RawClient) -> None:
        while not world.stopping.is_set():
            key, value = f"k{dice.randrange(KEYS)}", f"{name}-{next(world.numbers)}"
            world.recorder.add(Sent(name, ledger.place(0), value, key=key))
            batch = build_batch([Record(0, -1, key.encode() * KEY_REPEATED, value.encode())])
            data = PartitionProduceData(0, memoryview(bytearray(batch)))
            topic = TopicProduceData(name=LEDGER, partition_data=[data])
            request = ProduceRequest(acks=-1, timeout_ms=5000, topic_data=[topic])
            answer = await client.ask(request, raw_clients.PRODUCE_VERSION, ProduceResponse)
            part = answer.responses[0].partition_responses[0]
            if part.error_code != ErrorCode.NONE:
                await asyncio.sleep(PAUSE_S_MAX)
            accept(part.error_code, "produce")
            world.recorder.add(Acknowledged(ledger.place(0), value, part.base_offset))
            await asyncio.sleep(dice.uniform(0, PAUSE_S_MAX))

    live(world, session, dice)
