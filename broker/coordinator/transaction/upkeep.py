"""What time does to transactions: ends a crash interrupted, time-outs, orphans, ids nobody uses."""

import asyncio
import logging

from broker.clock import Clock
from broker.config import BrokerConfig
from broker.coordinator.shard import Decision
from broker.coordinator.transaction import transaction as states
from broker.coordinator.transaction.ends import TransactionEnds
from broker.coordinator.transaction.records import encode_key
from broker.coordinator.transaction.shards import TransactionShards
from broker.coordinator.transaction.transaction import Producer
from broker.partition.partition import Partition
from broker.partition.partitions import Partitions
from broker.records.control import ControlType, EndTransactionMarker
from broker.storage.producer_state import ProducerEntry

log = logging.getLogger(__name__)

RESUME_INTERVAL_SECONDS = 1.0  # how soon a marker that could not be written is tried again
MARKER_EPOCH_MAX = 32767  # int16; one more than any producer gets


class TransactionUpkeep:
    """The background work on transactions."""

    def __init__(
        self,
        shards: TransactionShards,
        ends: TransactionEnds,
        partitions: Partitions,
        config: BrokerConfig,
        clock: Clock,
    ) -> None:
        self._shards = shards
        self._ends = ends
        self._partitions = partitions
        self._config = config
        self._clock = clock

    async def load(self) -> None:
        """Read what stands in the log; requests are refused with "loading" until then."""
        await self._shards.load()
        await self._abort_orphans()

    async def run(self) -> None:
        """Load, finish what a crash interrupted, and end what takes too long; until cancelled."""
        await self.load()
        timeouts_at = expiry_at = self._clock.monotonic_ms()
        while True:
            await self._shards.open_missing()
            await self.end_deleted()
            await self.resume()
            now = self._clock.monotonic_ms()
            if now >= timeouts_at:
                late_ms = self._config.transaction_abort_timed_out_transaction_cleanup_interval_ms
                timeouts_at = now + late_ms
                await self.abort_timed_out()
            if now >= expiry_at:
                idle_ms = self._config.transaction_remove_expired_transaction_cleanup_interval_ms
                expiry_at = now + idle_ms
                await self.expire_idle()
            due_ms = min(timeouts_at, expiry_at) - self._clock.monotonic_ms()
            await asyncio.sleep(min(RESUME_INTERVAL_SECONDS, max(due_ms, 1) / 1000))

    async def resume(self) -> None:
        """Write the markers that are missing in decided transactions.

        Each is looked up when its turn comes. What it was a wait ago, or halfway through a replay,
        may be an end of the past, whose markers would end the transaction that is open now.
        """
        for shard, table in self._shards.slots():
            for transactional_id in [known.transactional_id for known in table.all()]:
                transaction = table.get(transactional_id)
                if transaction is None or transaction.state not in states.PREPARED:
                    continue
                if not shard.is_loaded or transactional_id in table.ending:
                    continue  # its decision may not be on the disk yet: no marker before that
                with table.sole_end_of(transactional_id):
                    await self._ends.finish(shard, table, transaction)

    async def end_deleted(self) -> None:
        """End the transactions that were open when `__transaction_state` was deleted.

        What is ended in some partitions is ended in all of them, all else is aborted: nobody else
        could end it, and its readers would wait for ever. Ends under way are waited for, and what
        fails is tried again, from round to round.
        """
        deleted = tuple(self._shards.deleted)
        if not deleted or any(table.ending for _, table in deleted):
            return
        for shard, table in deleted:
            for transaction in tuple(table.unmarked.values()):
                marking = self._ends.mark(shard, table, transaction)
                await self._ends.attempt(transaction.transactional_id, marking)
        if any(table.unmarked for _, table in deleted):
            return
        if await self._abort_orphans():
            del self._shards.deleted[: len(deleted)]
            log.info(
                "transactions are forgotten, their topic was deleted partitions=%d", len(deleted)
            )

    async def abort_timed_out(self) -> None:
        """Fence and abort every transaction that is open longer than its producer promised."""
        now_ms = self._clock.now_ms()
        for shard, table in self._shards.slots():
            for transaction in table.all():
                if shard.is_loaded and states.has_timed_out(transaction, now_ms):
                    late = transaction.transactional_id
                    log.info("transaction timed out transactional_id=%s", late)
                    await self._ends.fence(shard, table, transaction)

    async def expire_idle(self) -> None:
        """Forget transactional ids that were not used for transactional.id.expiration.ms."""
        now_ms, expiration_ms = self._clock.now_ms(), self._config.transactional_id_expiration_ms
        for shard, table in self._shards.slots():
            keys = [
                encode_key(transaction.transactional_id)
                for transaction in table.all()
                if states.has_expired(transaction, now_ms, expiration_ms)
            ]
            if keys:
                tombstones: Decision[None] = Decision([(key, None) for key in keys], None)
                await self._ends.attempt(
                    f"unused ids of {shard.partition}",
                    shard.write(lambda records=tombstones: records),  # type: ignore[misc]
                )

    async def _abort_orphans(self) -> bool:
        """Abort open transactions in partitions that no transactional id knows of.

        A power cut can take the record that a partition joined a transaction and leave the batch
        that was written after it: nobody would ever end it. Its producer is fenced, for it may
        still believe that the batch is in its transaction: in the partition by the epoch of the
        marker, and at the end by having the rest of that transaction aborted. Answers whether
        there were none.
        """
        if not all(shard.is_loaded for shard, _ in self._shards.slots()):
            log.warning("orphaned transactions are not looked for: some owners cannot be read")
            return False
        found = False
        for partition in tuple(self._partitions.all()):
            for entry in tuple(partition.log.producer_state.entries.values()):
                if entry.transaction_first_offset >= 0 and partition.is_online:
                    found |= await self._abort_if_orphaned(partition, entry)
        return not found

    async def _abort_if_orphaned(self, partition: Partition, entry: ProducerEntry) -> bool:
        for shard, table in self._shards.slots():
            for transaction in table.all():
                if transaction.producer.id != entry.producer_id:
                    continue
                if (partition.topic, partition.index) in transaction.partitions:
                    return False
                if transaction.state is states.TransactionState.ONGOING:
                    await self._ends.fence(shard, table, transaction)
        producer = Producer(entry.producer_id, min(entry.producer_epoch + 1, MARKER_EPOCH_MAX))

        async def abort() -> None:
            await self._ends.end_in(partition, producer, EndTransactionMarker(ControlType.ABORT, 0))
            log.warning("orphaned transaction aborted partition=%s %s", partition, producer)

        await self._ends.attempt(f"orphan in {partition} {producer}", abort())
        return True
