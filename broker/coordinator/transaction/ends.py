"""How a transaction that was decided ends: markers in its partitions, then the decision is done."""

import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from broker.clock import Clock
from broker.coordinator.shard import Decision, Shard
from broker.coordinator.transaction import transaction as states
from broker.coordinator.transaction.markers import MarkerWriter
from broker.coordinator.transaction.records import encode_key, encode_value
from broker.coordinator.transaction.table import TransactionTable
from broker.coordinator.transaction.transaction import Producer, Transaction
from broker.errors import KafkaError
from broker.partition.partition import Partition
from broker.records.control import EndTransactionMarker

log = logging.getLogger(__name__)

R = TypeVar("R")


class TransactionEnds:
    def __init__(self, markers: MarkerWriter, clock: Clock) -> None:
        self._markers = markers
        self._clock = clock
        self._put_off: set[str] = set()
        """What was told of refusals since background work went well."""

    async def end_in(
        self, partition: Partition, producer: Producer, marker: EndTransactionMarker
    ) -> None:
        """End a producer's transaction in one partition, whatever was decided of it."""
        await self._markers.end_in(partition, producer, marker, self._clock.now_ms())

    async def finish(self, shard: Shard, table: TransactionTable, prepared: Transaction) -> None:
        """Markers, then Complete. What fails is left as it is: `run` comes back to it."""

        def decide() -> Decision[None]:
            if table.get(prepared.transactional_id) != prepared:
                return Decision([], None)  # the shard was read again meanwhile
            done = states.complete(prepared, self._clock.now_ms())
            return Decision(records_of(table, done), None)

        try:
            await self.mark(shard, table, prepared)
            await shard.write(decide)
        except KafkaError as error:
            self._tell(f"end delayed: {error} transactional_id={prepared.transactional_id}")
        else:
            self._put_off.clear()

    async def mark(self, shard: Shard, table: TransactionTable, prepared: Transaction) -> None:
        """Markers in all partitions of a transaction that was decided."""
        table.unmarked[prepared.transactional_id] = prepared
        epoch = shard.partition.leader_epoch
        await self._markers.end_everywhere(prepared, epoch, self._clock.now_ms())
        table.unmarked.pop(prepared.transactional_id, None)

    async def fence(self, shard: Shard, table: TransactionTable, late: Transaction) -> None:
        """Take an open transaction from its producer and abort it, unless it has gone on."""

        def decide() -> Decision[Transaction | None]:
            current = table.get(late.transactional_id)
            if current != late:
                return Decision([], None)
            return saved(table, states.fence(current, self._clock.now_ms()))

        if late.transactional_id in table.ending:
            return  # its producer ends it right now
        with table.sole_end_of(late.transactional_id):
            prepared = await self.attempt(shard.write(decide))
            if prepared is not None:
                await self.finish(shard, table, prepared)

    async def attempt(self, work: Coroutine[Any, Any, R]) -> R | None:
        """Background work: None if it is refused; it is tried again at the next round."""
        try:
            result = await work
        except KafkaError as error:
            self._tell(f"put off to the next round: {error}")
            return None
        self._put_off.clear()
        return result

    def _tell(self, refusal: str) -> None:
        """Once: rounds come every second, and a disk may stay full for hours."""
        if refusal not in self._put_off:
            self._put_off.add(refusal)
            log.warning(refusal)


def records_of(
    table: TransactionTable, transaction: Transaction
) -> list[tuple[bytes | None, bytes | None]]:
    table.decided(transaction)
    return [(encode_key(transaction.transactional_id), encode_value(transaction))]


def saved(table: TransactionTable, transaction: Transaction) -> Decision[Any]:
    return Decision(records_of(table, transaction), transaction)
