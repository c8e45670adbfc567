"""What stands in the logs when all is over: every batch, and what readers of committed records get.

The batches are fetched raw, markers and aborted records among them, so that a gap cannot hide; the
readable records come from a client library, which leaves out what it is told to.
"""

import asyncio

from confluent_kafka import Consumer, KafkaError

from broker.errors import ErrorCode
from broker.protocol.messages.fetch import (
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
)
from broker.records.batch import iterate
from broker.records.record import decode_records
from tests.support.raw_client import RawClient
from tests.support.workload.history import Stored, Visible, now_s
from tests.support.workload.legal_loss import start_of
from tests.support.workload.library_clients import assign_all, found, settings
from tests.support.workload.world import DISCONNECTED, World, identity_of

FETCH_VERSION = 12
PATIENCE_S = 60.0
DONE = -2


def read_everything(world: World) -> None:
    """Append all Stored and Visible events to the history."""
    asyncio.run(_read_batches(world))
    _read_committed(world)
    asyncio.run(_note_starts(world))


async def _read_batches(world: World) -> None:
    for partition in range(world.partitions):
        offset = -1
        deadline_s = now_s() + 5 * PATIENCE_S
        while offset >= -1:
            assert now_s() < deadline_s, f"partition {partition} was read to {offset} only"
            try:
                async with await RawClient.connect(world.host, world.port) as client:
                    offset = await start_of(client, world, partition) if offset < 0 else offset
                    offset = await _read_partition(client, world, partition, offset)
            except DISCONNECTED:
                continue  # on a full machine it may have been idle for too long


async def _read_partition(client: RawClient, world: World, partition: int, offset: int) -> int:
    """Note batches until there are no more: DONE; where to go on after an end of the connection."""
    end = 1 << 62
    while offset < end:
        wanted = FetchPartition(partition, fetch_offset=offset, partition_max_bytes=1 << 18)
        topics = [FetchTopic(topic=world.topic, partitions=[wanted])]
        request = FetchRequest(max_wait_ms=0, min_bytes=0, topics=topics)
        try:
            answer = await client.ask(request, FETCH_VERSION, FetchResponse)
        except DISCONNECTED:
            return offset
        part = answer.responses[0].partitions[0]
        if part.error_code == ErrorCode.OFFSET_OUT_OF_RANGE:  # it aged meanwhile
            offset = await start_of(client, world, partition)
            continue
        assert part.error_code == ErrorCode.NONE
        end = part.high_watermark
        assert offset >= end or part.records, f"nothing comes from {offset} on"
        offset = _note(world, partition, bytes(part.records), offset)
    return DONE


async def _note_starts(world: World) -> None:
    """What has gone while it was read is below these."""
    async with await RawClient.connect(world.host, world.port) as client:
        for partition in range(world.partitions):
            await start_of(client, world, partition)


def _note(world: World, partition: int, data: bytes, offset: int) -> int:
    """Append the batches in one answer; the offset after them."""
    view = memoryview(data)
    for position, header in iterate(view):
        records = decode_records(header, view[position : position + header.size_bytes])
        values = (
            ()
            if header.is_control
            else tuple((one.offset, identity_of(one.value, one.headers)) for one in records)
        )
        place = world.place(partition)
        world.recorder.add(
            Stored(
                place,
                header.base_offset,
                header.next_offset,
                values,
            )
        )
        offset = header.next_offset
    return offset


def _read_committed(world: World) -> None:
    consumer = Consumer(
        settings(
            world,
            group_id="final",
            isolation_level="read_committed",
            enable_partition_eof=True,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
    )
    assign_all(world, consumer)
    ended: set[int | None] = set()
    while len(ended) < world.partitions:
        message = consumer.poll(PATIENCE_S)
        assert message is not None, f"only partitions {ended} were read to their end"
        error = message.error()
        if error is None:
            world.recorder.add(Visible(*found(message)))
        elif error.code() == KafkaError._PARTITION_EOF:
            ended.add(message.partition())
    consumer.close()
