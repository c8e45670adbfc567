"""Clients of single requests: writers that repeat themselves, group members, one that never reads.

They do what client libraries do only by accident: send a batch again that was acknowledged, commit
with a generation that is over, ask for megabytes and take none of them.
"""

import asyncio
import random
from collections import deque
from dataclasses import dataclass

from broker.errors import ErrorCode
from broker.protocol.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from broker.protocol.messages.init_producer_id import (
    InitProducerIdRequest,
    InitProducerIdResponse,
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
from tests.support.workload.history import Acknowledged, Sent
from tests.support.workload.world import World, accept, live

PRODUCE_VERSION = 9
IN_FLIGHT_MAX = 5  # batches of one producer that a broker must know again (KIP-98)
PAUSE_S_MAX = 0.01


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be written by one request."""

    partition: int
    values: tuple[str, ...]
    records: bytes

    def request(self, topic: str, acks: int = -1) -> ProduceRequest:
        data = PartitionProduceData(self.partition, memoryview(bytearray(self.records)))
        parts = [TopicProduceData(name=topic, partition_data=[data])]
        return ProduceRequest(acks=acks, timeout_ms=5000, topic_data=parts)


def _offset_in(answer: ProduceResponse) -> int:
    """The first offset; Answered when the write was refused."""
    (part,) = answer.responses[0].partition_responses
    accept(part.error_code, "produce")
    return part.base_offset


def write_plainly(world: World, name: str, dice: random.Random) -> None:
    """One batch at a time with acks=1 or all; never the same one twice."""

    async def session(client: RawClient) -> None:
        while not world.stopping.is_set():
            batch = _new_batch(world, name, dice)
            for value in batch.values:
                world.recorder.add(Sent(name, world.place(batch.partition), value))
            request = batch.request(world.topic, dice.choice((1, -1)))
            answer = await client.ask(request, PRODUCE_VERSION, ProduceResponse)
            _acknowledged(world, batch, _offset_in(answer))
            await asyncio.sleep(dice.uniform(0, PAUSE_S_MAX))

    live(world, session, dice)


def write_idempotently(world: World, name: str, dice: random.Random) -> None:
    """Up to five batches in flight; what has no answer, and sometimes what has one, goes again."""
    producer = -1
    sequences = [0] * world.partitions
    unanswered: deque[Batch] = deque()
    answered: dict[int, tuple[Batch, int]] = {}

    def next_batch() -> Batch:
        batch = _new_batch(world, name, dice, producer, sequences)
        for value in batch.values:
            world.recorder.add(Sent(name, world.place(batch.partition), value, idempotent=True))
        return batch

    async def repeat(client: RawClient) -> None:
        batch, offset = answered[dice.choice(list(answered))]
        answer = await client.ask(batch.request(world.topic), PRODUCE_VERSION, ProduceResponse)
        code = answer.responses[0].partition_responses[0].error_code
        assert code != ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, f"{batch.values} not known again"
        again = _offset_in(answer)
        if again != offset:  # the checker tells two records with one value by their offsets
            _acknowledged(world, batch, again)

    async def session(client: RawClient) -> None:
        nonlocal producer
        if producer < 0:
            producer = await _new_producer(client)
        while not world.stopping.is_set() or unanswered:
            if not world.stopping.is_set():
                count = dice.randint(1, IN_FLIGHT_MAX) - len(unanswered)
                unanswered.extend(next_batch() for _ in range(count))
            asked = [
                (batch, client.send(batch.request(world.topic), PRODUCE_VERSION))
                for batch in unanswered
            ]
            for batch, correlation_id in asked:
                answer = await client.receive(ProduceResponse, PRODUCE_VERSION, correlation_id)
                offset = _offset_in(answer)
                unanswered.remove(batch)
                _acknowledged(world, batch, offset)
                answered[batch.partition] = (batch, offset)
            if answered and dice.random() < 0.2:
                await repeat(client)
            await asyncio.sleep(dice.uniform(0, PAUSE_S_MAX))

    live(world, session, dice)


def _new_batch(
    world: World,
    name: str,
    dice: random.Random,
    producer: int = -1,
    sequences: list[int] | None = None,
) -> Batch:
    partition = dice.randrange(world.partitions)
    values = tuple(f"{name}-{next(world.numbers)}" for _ in range(dice.randint(1, 3)))
    records = [Record(0, -1, None, value.encode()) for value in values]
    if sequences is None:
        return Batch(partition, values, build_batch(records))
    built = build_batch(
        records, producer_id=producer, producer_epoch=0, base_sequence=sequences[partition]
    )
    sequences[partition] += len(values)
    return Batch(partition, values, built)


def _acknowledged(world: World, batch: Batch, base_offset: int) -> None:
    for offset, value in enumerate(batch.values, start=base_offset):
        world.recorder.add(Acknowledged(world.place(batch.partition), value, offset))


async def _new_producer(client: RawClient) -> int:
    request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=60_000)
    answer = await client.ask(request, 4, InitProducerIdResponse)
    accept(answer.error_code, "producer id")
    return answer.producer_id


def never_read(world: World, name: str, dice: random.Random) -> None:
    """Ask for everything again and again, take nothing, and go without a word."""

    async def session(client: RawClient) -> None:
        for _ in range(50):
            parts = [
                FetchPartition(partition, fetch_offset=0, partition_max_bytes=1 << 20)
                for partition in range(world.partitions)
            ]
            client.send(
                FetchRequest(
                    max_wait_ms=0, min_bytes=0, topics=[FetchTopic(world.topic, partitions=parts)]
                ),
                12,
                name,
            )
        await asyncio.sleep(dice.uniform(0.1, 1.0))
        client.abort()

    live(world, session, dice)
