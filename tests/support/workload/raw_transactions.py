"""Transactions of version 2 (KIP-890), request by request: what no client library here speaks.

A write joins its transaction by itself, each end raises the epoch. A lost answer is asked for
again with the same sequence, or the same epoch, as long as it takes.
"""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from broker.errors import ErrorCode
from broker.protocol.messages.end_txn import EndTxnRequest, EndTxnResponse
from broker.protocol.messages.find_coordinator import (
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)
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
from tests.support.workload.history import Acknowledged, Ended, Ending, Sent
from tests.support.workload.world import AGAIN_S, DISCONNECTED, Answered, World

TICKETS: Final = "tickets"
TICKETS_PARTITIONS: Final = 2
TIMEOUT_MS = 10_000
FIND_VERSION, INIT_VERSION, PRODUCE_VERSION, END_VERSION = 3, 5, 12, 5
PAUSE_S_MAX = 0.02
PASSING = (
    ErrorCode.CONCURRENT_TRANSACTIONS,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.NOT_ENOUGH_REPLICAS,
    ErrorCode.KAFKA_STORAGE_ERROR,
    ErrorCode.REQUEST_TIMED_OUT,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
)

M = TypeVar("M")


class Over(Exception):
    """The run is over before there was an answer."""


@dataclass(slots=True)
class Till:
    """A producer: its identity, and the next sequence in each partition."""

    world: World
    name: str
    dice: random.Random
    client: RawClient | None = None
    producer_id: int = -1
    epoch: int = -1
    sequences: dict[int, int] = field(default_factory=dict)

    async def ask(self, request: Any, version: int, response_type: type[M]) -> M:
        """The answer, on as many connections as it takes."""
        while not self.world.stopping.is_set():
            try:
                if self.client is None:
                    self.client = await RawClient.connect(self.world.host, self.world.port)
                return await self.client.ask(request, version, response_type)
            except DISCONNECTED:
                await self.hang_up()
                await asyncio.sleep(self.dice.uniform(0, AGAIN_S))
        raise Over

    async def hang_up(self) -> None:
        if self.client is not None:
            self.client.abort()
            self.client = None

    async def begin_life(self) -> None:
        """A new epoch, which ends what the life before left open."""
        whose = FindCoordinatorRequest(self.name, key_type=1)
        request = InitProducerIdRequest(self.name, TIMEOUT_MS, -1, -1)
        while True:
            await self.ask(whose, FIND_VERSION, FindCoordinatorResponse)  # makes its topic
            answer = await self.ask(request, INIT_VERSION, InitProducerIdResponse)
            if answer.error_code not in PASSING:
                break
            await asyncio.sleep(self.dice.uniform(0, AGAIN_S))
        _accept(answer.error_code, "init")
        self.is_now(answer.producer_id, answer.producer_epoch)

    def is_now(self, producer_id: int, epoch: int) -> None:
        self.producer_id, self.epoch = producer_id, epoch
        self.sequences = {}

    async def write(self, partition: int, value: str) -> None:
        sequence = self.sequences.get(partition, 0)
        batch = build_batch(
            [Record(0, -1, None, value.encode())],
            producer_id=self.producer_id,
            producer_epoch=self.epoch,
            base_sequence=sequence,
            transactional=True,
        )
        while True:
            data = PartitionProduceData(partition, memoryview(bytearray(batch)))
            topic = TopicProduceData(name=self.world.topic, partition_data=[data])
            request = ProduceRequest(self.name, acks=-1, timeout_ms=5000, topic_data=[topic])
            answer = await self.ask(request, PRODUCE_VERSION, ProduceResponse)
            part = answer.responses[0].partition_responses[0]
            if part.error_code not in PASSING:
                break
            await asyncio.sleep(self.dice.uniform(0, AGAIN_S))
        _accept(part.error_code, "produce")
        self.sequences[partition] = sequence + 1
        self.world.recorder.add(Acknowledged(self.world.place(partition), value, part.base_offset))

    async def end(self, *, commit: bool) -> None:
        request = EndTxnRequest(self.name, self.producer_id, self.epoch, commit)
        while True:
            answer = await self.ask(request, END_VERSION, EndTxnResponse)
            if answer.error_code not in PASSING:
                break
            await asyncio.sleep(self.dice.uniform(0, AGAIN_S))
        _accept(answer.error_code, "end")
        self.is_now(answer.producer_id, answer.producer_epoch)


def _accept(code: int, what: str) -> None:
    if code != ErrorCode.NONE:
        raise Answered(ErrorCode(code), what)


def sell_tickets(world: World, name: str, dice: random.Random) -> None:
    """Transactions of version 2 until the run is over; a refusal begins a new life."""
    asyncio.run(_live(Till(world.on(TICKETS, TICKETS_PARTITIONS), name, dice)))


async def _live(till: Till) -> None:
    life = 0
    while not till.world.stopping.is_set():
        life += 1
        try:
            await till.begin_life()
            while not till.world.stopping.is_set():
                await _transaction(till, f"{till.name}.{life}")
        except Answered:
            await asyncio.sleep(till.dice.uniform(0, AGAIN_S))
        except Over:
            break
        finally:
            await till.hang_up()


async def _transaction(till: Till, name: str) -> None:
    world, dice = till.world, till.dice
    transaction = f"{name}/{next(world.numbers)}"
    for _ in range(dice.randint(1, 5)):
        partition, value = dice.randrange(world.partitions), f"{name}-{next(world.numbers)}"
        world.recorder.add(Sent(name, world.place(partition), value, True, transaction))
        await till.write(partition, value)
        await asyncio.sleep(dice.uniform(0, PAUSE_S_MAX))
        if dice.random() < 0.02:
            await till.hang_up()
    commit = dice.random() < 0.7
    world.recorder.add(Ending(transaction, commit))
    await till.end(commit=commit)
    world.recorder.add(Ended(transaction, commit))
