"""How a transaction that was decided ends: markers in its partitions, then the decision is done."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from broker.clock import Clock
from broker.coordinator.shard import Decision, Shard
from broker.coordinator.transaction import transaction as states
from broker.coordinator.transaction.markers import MarkerWriter
from broker.coordinator.transaction.put_off import PutOff
from broker.coordinator.transaction.records import encode_key, encode_value
from broker.coordinator.transaction.table import TransactionTable
from broker.coordinator.transaction.transaction import Producer, Transaction
from broker.errors import KafkaError
from broker.partition.partition import Partition
from broker.records.control import EndTransactionMarker

R = TypeVar("R")


class TransactionEnds:
    """Carries out decided commits and aborts."""

    def __init__(self, markers: MarkerWriter, clock: Clock) -> None:
        self._markers = markers
        self._clock = clock
        self._put_off = PutOff(clock)

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
            self._put_off.refused(prepared.transactional_id, error)
        else:
            self._put_off.done(prepared.transactional_id)

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
            prepared = await self.attempt(late.transactional_id, shard.write(decide))
            if prepared is not None:
                await self.finish(shard, table, prepared)

    async def attempt(self, of: str, work: Coroutine[Any, Any, R]) -> R | None:
        """Background work of a name: None if it is refused; it is tried again at the next round."""
        try:
            result = await work
        except KafkaError as error:
            self._put_off.refused(of, error)
            return None
        self._put_off.done(of)
        return result


def records_of(
    table: TransactionTable, transaction: Transaction
) -> list[tuple[bytes | None, bytes | None]]:
    table.decided(transaction)
    return [
        (encode_key(transaction.transactional_id), encode_value(transaction, table.value_version()))
    ]


def saved(table: TransactionTable, transaction: Transaction) -> Decision[Any]:
    return Decision(records_of(table, transaction), transaction)
