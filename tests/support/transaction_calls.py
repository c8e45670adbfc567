"""Transactions made by calling the coordinator and the partitions of a broker in this process."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from broker.coordinator.transaction.transaction import EndRequest, Producer, TopicPartition
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Services
from broker.metadata.controller import TopicSpec
from broker.metadata.records import TRANSACTIONS_TOPIC
from broker.partition.partition import Partition
from broker.partition.wishes import ACKS_ALL, ReadEnd
from broker.records.batch import build_batch, iterate
from broker.records.record import Record, decode_records

TIMEOUT_MS = 60_000
NOBODY = Producer(-1, -1)
PASSING = (ErrorCode.CONCURRENT_TRANSACTIONS, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)


async def make_topic(services: Services, name: str, partitions: int = 1) -> None:
    """A topic that exists when this returns."""
    (made,) = await services.cluster.create_topics([TopicSpec(name, partitions)])
    assert not isinstance(made, KafkaError), made


@dataclass(slots=True)
class Transactor:
    """A transactional producer: its identity, and the sequence of its next record in each place."""

    services: Services
    transactional_id: str
    version: int
    """Of transactions: 0, or 2 where a write joins and each end raises the epoch (KIP-890)."""
    producer: Producer = NOBODY
    sequences: dict[TopicPartition, int] = field(default_factory=dict)

    async def begin_life(self) -> Producer:
        """InitProducerId, asked again while the state is read or the transaction before ended."""
        while True:
            try:
                await self.services.cluster.ensure_internal_topic(TRANSACTIONS_TOPIC)
                found: Producer = await self.services.transactions.init_producer_id(
                    self.transactional_id, TIMEOUT_MS, None
                )
            except KafkaError as refusal:
                if refusal.code not in PASSING:
                    raise
                await self.services.transactions.upkeep.resume()
                await asyncio.sleep(0)
            else:
                self._is_now(found)
                return found

    async def write(self, place: TopicPartition, value: str) -> None:
        """One record into the transaction, as a handler of Produce would."""
        transactions = self.services.transactions
        implicit = self.version >= 2
        if not implicit:
            await transactions.add_partitions(
                self.transactional_id, self.producer, frozenset({place})
            )
        admission = transactions.admit(
            self.transactional_id, self.producer, place, implicit=implicit
        )
        partition = self.services.partitions.get(*place)
        sequence = self.sequences.get(place, 0)
        appended = append_in_transaction(partition, self.producer, sequence, value)
        if admission is not None:
            await admission
        await appended
        self.sequences[place] = sequence + 1

    async def end(self, *, commit: bool) -> None:
        """EndTxn."""
        request = EndRequest(self.producer, commit, self.version)
        ended = await self.services.transactions.end(self.transactional_id, request)
        if self.version >= 2:
            self._is_now(ended)

    def _is_now(self, producer: Producer) -> None:
        if producer != self.producer:
            self.sequences.clear()
        self.producer = producer


async def append_in_transaction(
    partition: Partition, producer: Producer, sequence: int, value: str
) -> None:
    """A transactional batch of one record straight into a partition."""
    batch = build_batch(
        [Record(0, 0, None, value.encode())],
        producer_id=producer.id,
        producer_epoch=producer.epoch,
        base_sequence=sequence,
        transactional=True,
    )
    await partition.append(
        memoryview(bytearray(batch)), acks=ACKS_ALL, timeout_ms=TIMEOUT_MS, now_ms=0
    )


def stored_values(partition: Partition) -> list[str]:
    """All values in a partition, those of aborted and open transactions as well."""
    return [value for _, _, value in _records(partition, ReadEnd.HIGH_WATERMARK)]


def committed_values(partition: Partition) -> list[str]:
    """What a reader of committed records gets."""
    aborted = partition.log.aborted_transactions(0, partition.high_watermark)
    return [
        value
        for offset, producer_id, value in _records(partition, ReadEnd.LAST_STABLE_OFFSET)
        if not any(
            one.producer_id == producer_id and one.first_offset <= offset <= one.last_offset
            for one in aborted
        )
    ]


def _records(partition: Partition, end: ReadEnd) -> Iterable[tuple[int, int, str]]:
    """(offset, producer id, value) of each record."""
    offset = partition.log_start_offset
    while offset < partition.end_for(end):
        chunk = partition.read(offset, 1 << 20, end, minimum_one=True).read()
        for position, header in iterate(chunk):
            offset = header.next_offset
            if not header.is_control:
                batch = chunk[position : position + header.size_bytes]
                for record in decode_records(header, batch):
                    yield record.offset, header.producer_id, (record.value or b"").decode()
