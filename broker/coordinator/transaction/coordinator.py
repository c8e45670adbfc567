"""The transaction coordinator: decides on `__transaction_state`, then ends what was decided.

The partition of a transactional id is Kafka's: String.hashCode of the id, modulo 50. All state
machines are in transaction.py; here is only what waits: appends, markers, time.

An end is answered when its markers are written, not when it is decided as Apache Kafka does: both
are on the same disk, and the next transaction of the client then never meets
CONCURRENT_TRANSACTIONS, which would cost it 20 ms or more. After a crash between decision and
markers the decision stands: `run` writes what is missing.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from typing import Any

from broker.clock import Clock
from broker.config import BrokerConfig
from broker.coordinator.cluster import Cluster
from broker.coordinator.shard import Decision, Shard
from broker.coordinator.transaction import transaction as states
from broker.coordinator.transaction.markers import MarkerWriter, OnMarker
from broker.coordinator.transaction.records import encode_key, encode_value
from broker.coordinator.transaction.table import TransactionTable
from broker.coordinator.transaction.transaction import (
    NO_PRODUCER_ID,
    EndRequest,
    InitialiseRequest,
    Producer,
    TopicPartition,
    Transaction,
)
from broker.errors import ErrorCode, KafkaError, StorageError
from broker.metadata.records import TRANSACTIONS_TOPIC
from broker.partition.partition import Partition
from broker.partition.partitions import Partitions
from broker.protocol.primitives import java_string_hash
from broker.records.control import ControlType, EndTransactionMarker
from broker.storage.producer_state import ProducerEntry

log = logging.getLogger(__name__)

RESUME_INTERVAL_SECONDS = 1.0  # how soon a marker that could not be written is tried again
MARKER_EPOCH_MAX = 32767  # int16; one more than any producer gets
EXPIRY_INTERVAL_MS = 3_600_000  # transaction.remove.expired.transaction.cleanup.interval.ms


class TransactionCoordinator:
    """All transactional ids of the cluster, one shard per partition of the internal topic."""

    def __init__(
        self,
        cluster: Cluster,
        partitions: Partitions,
        config: BrokerConfig,
        clock: Clock,
        on_marker: OnMarker,
    ) -> None:
        self._cluster = cluster
        self._partitions = partitions
        self._config = config
        self._clock = clock
        self._markers = MarkerWriter(partitions, on_marker)
        self._shards: dict[int, tuple[Shard, TransactionTable]] = {}

    # Requests

    async def init_producer_id(
        self, transactional_id: str, timeout_ms: int, expected: Producer | None
    ) -> Producer:
        """The identity of a transactional producer that starts (InitProducerId, API key 22)."""
        if not transactional_id:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "transactional.id is empty")
        longest = self._config.transaction_max_timeout_ms
        if not 0 < timeout_ms <= longest:
            message = f"transaction.timeout.ms {timeout_ms} is outside [1, {longest}]"
            raise KafkaError(ErrorCode.INVALID_TRANSACTION_TIMEOUT, message)
        shard, table = await self._shard_made(transactional_id)
        fresh = NO_PRODUCER_ID
        if states.needs_producer_id(table.get(transactional_id), expected):
            fresh = await self._cluster.next_producer_id()

        def decide() -> Decision[Transaction]:
            current = table.get(transactional_id)
            if fresh == NO_PRODUCER_ID and states.needs_producer_id(current, expected):
                raise _try_again(transactional_id)  # changed while the id was fetched
            request = InitialiseRequest(transactional_id, timeout_ms, expected, fresh)
            return _saved(table, states.initialise(current, request, self._clock.now_ms()))

        with table.sole_end_of(transactional_id):
            transaction = await shard.write(decide)
            if transaction.state is states.TransactionState.PREPARE_ABORT:
                await self._finish(shard, table, transaction)
                raise _try_again(transactional_id)
        return transaction.producer

    async def add_partitions(
        self, transactional_id: str, producer: Producer, partitions: frozenset[TopicPartition]
    ) -> None:
        """Partitions join the transaction (AddPartitionsToTxn, AddOffsetsToTxn)."""
        await self._start_adding(transactional_id, producer, partitions)

    def verify_partitions(
        self, transactional_id: str, producer: Producer, partition: TopicPartition
    ) -> None:
        """Refuse with TRANSACTION_ABORTABLE when `partition` is not in the transaction."""
        _, table = self._shard_of(transactional_id)
        states.verify_partition(table.get(transactional_id), producer, partition)

    def admit(
        self,
        transactional_id: str,
        producer: Producer,
        partition: TopicPartition,
        *,
        implicit: bool,
    ) -> Coroutine[Any, Any, None] | None:
        """Let a transactional write into its transaction, before it is appended (KIP-890).

        With `implicit` (Produce v12, TxnOffsetCommit v5) the partition joins by being written to;
        what is returned must be awaited before the write is answered. Otherwise it must be in the
        transaction already.
        """
        _, table = self._shard_of(transactional_id)
        current = table.get(transactional_id)
        if not implicit:
            states.verify_partition(current, producer, partition)
            return None
        joined = states.add_partitions(
            current, producer, frozenset({partition}), self._clock.now_ms()
        )
        if joined is None:
            return None
        return self._start_adding(transactional_id, producer, frozenset({partition}))

    async def end(self, transactional_id: str, request: EndRequest) -> Producer:
        """Commit or abort (EndTxn); answers whom the producer is from now on."""
        shard, table = self._shard_of(transactional_id)
        fresh = NO_PRODUCER_ID
        if states.ends_producer_id(table.get(transactional_id), request.version):
            fresh = await self._cluster.next_producer_id()

        def decide() -> Decision[Transaction]:
            current = table.get(transactional_id)
            wish = EndRequest(request.producer, request.commit, request.version, fresh)
            prepared = states.end(current, wish, self._clock.now_ms())
            if prepared is not None:
                return _saved(table, prepared)
            assert current is not None, "an unknown id has no end to repeat"
            return Decision([], current)

        with table.sole_end_of(transactional_id):
            ended = await shard.write(decide)
            if ended.state in states.PREPARED:
                await self._finish(shard, table, ended)
        return states.owner_after(ended)

    def describe(self, transactional_id: str) -> Transaction:
        """The transaction of an id, or TRANSACTIONAL_ID_NOT_FOUND."""
        if not transactional_id:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "transactional id is empty")
        found = self._shards.get(self.partition_for(transactional_id))
        if found is not None:
            found[0].check_loaded()
        transaction = found[1].get(transactional_id) if found is not None else None
        if transaction is None:
            message = f"transactional id {transactional_id!r} is not known"
            raise KafkaError(ErrorCode.TRANSACTIONAL_ID_NOT_FOUND, message)
        return transaction

    def all(self) -> Iterator[Transaction]:
        """Every transaction known here (ListTransactions)."""
        for shard, table in self._shards.values():
            shard.check_loaded()
            yield from table.all()

    async def write_marker(
        self, topic_partition: TopicPartition, producer: Producer, marker: EndTransactionMarker
    ) -> None:
        """End a producer's transaction in one partition by hand (WriteTxnMarkers)."""
        partition = self._partitions.get(*topic_partition)
        await self._markers.end_in(partition, producer, marker, self._clock.now_ms())

    # Time

    async def load(self) -> None:
        """Read what stands in the log; requests are refused with "loading" until then."""
        for index in range(self._count):
            self._open(index)
        for shard, _ in tuple(self._shards.values()):
            await self._load(shard)
        await self._abort_orphans()

    async def run(self) -> None:
        """Load, finish what a crash interrupted, and end what takes too long; until cancelled."""
        await self.load()
        timeouts_at = expiry_at = self._clock.monotonic_ms()
        while True:
            await self._open_missing()
            await self.resume()
            now = self._clock.monotonic_ms()
            if now >= timeouts_at:
                cleanup_ms = (
                    self._config.transaction_abort_timed_out_transaction_cleanup_interval_ms
                )
                timeouts_at = now + cleanup_ms
                await self.abort_timed_out()
            if now >= expiry_at:
                expiry_at = now + EXPIRY_INTERVAL_MS
                await self.expire_idle()
            await asyncio.sleep(RESUME_INTERVAL_SECONDS)

    async def resume(self) -> None:
        """Write the markers that are missing in decided transactions.

        Each is looked up when its turn comes. What it was a wait ago, or halfway through a replay,
        may be an end of the past, whose markers would end the transaction that is open now.
        """
        for shard, table in tuple(self._shards.values()):
            for transactional_id in [known.transactional_id for known in table.all()]:
                transaction = table.get(transactional_id)
                if transaction is None or transaction.state not in states.PREPARED:
                    continue
                if not shard.is_loaded or transactional_id in table.ending:
                    continue  # its decision may not be on the disk yet: no marker before that
                with table.sole_end_of(transactional_id):
                    await self._finish(shard, table, transaction)

    async def abort_timed_out(self) -> None:
        """Fence and abort every transaction that is open longer than its producer promised."""
        now_ms = self._clock.now_ms()
        for shard, table in tuple(self._shards.values()):
            for transaction in table.all():
                if shard.is_loaded and states.has_timed_out(transaction, now_ms):
                    late = transaction.transactional_id
                    log.info("transaction timed out transactional_id=%s", late)
                    await self._fence(shard, table, transaction)

    async def expire_idle(self) -> None:
        """Forget transactional ids that were not used for transactional.id.expiration.ms."""
        now_ms, expiration_ms = self._clock.now_ms(), self._config.transactional_id_expiration_ms
        for shard, table in tuple(self._shards.values()):
            keys = [
                encode_key(transaction.transactional_id)
                for transaction in table.all()
                if states.has_expired(transaction, now_ms, expiration_ms)
            ]
            if keys:
                tombstones: Decision[None] = Decision([(key, None) for key in keys], None)
                await self._try(shard.write(lambda records=tombstones: records))  # type: ignore[misc]

    # Parts

    async def _open_missing(self) -> None:
        """Have the shards of a new topic, or of partitions that a full disk refused before."""
        if len(self._shards) < self._count:
            for index in range(self._count):
                if (shard := self._open(index)) is not None:
                    await self._load(shard)

    async def _finish(self, shard: Shard, table: TransactionTable, prepared: Transaction) -> None:
        """Markers, then Complete. What fails is left as it is: `run` comes back to it."""

        def decide() -> Decision[None]:
            if table.get(prepared.transactional_id) != prepared:
                return Decision([], None)  # the shard was read again meanwhile
            done = states.complete(prepared, self._clock.now_ms())
            return Decision(_records(table, done), None)

        try:
            epoch = shard.partition.leader_epoch
            await self._markers.end_everywhere(prepared, epoch, self._clock.now_ms())
            await shard.write(decide)
        except KafkaError as error:
            log.warning("end delayed: %s transactional_id=%s", error, prepared.transactional_id)

    async def _fence(self, shard: Shard, table: TransactionTable, late: Transaction) -> None:
        """Take an open transaction from its producer and abort it, unless it has gone on."""

        def decide() -> Decision[Transaction | None]:
            current = table.get(late.transactional_id)
            if current != late:
                return Decision([], None)
            return _saved(table, states.fence(current, self._clock.now_ms()))

        if late.transactional_id in table.ending:
            return  # its producer ends it right now
        with table.sole_end_of(late.transactional_id):
            prepared = await self._try(shard.write(decide))
            if prepared is not None:
                await self._finish(shard, table, prepared)

    def _start_adding(
        self, transactional_id: str, producer: Producer, partitions: frozenset[TopicPartition]
    ) -> Coroutine[Any, Any, None]:
        shard, table = self._shard_of(transactional_id)

        def decide() -> Decision[None]:
            current = table.get(transactional_id)
            joined = states.add_partitions(current, producer, partitions, self._clock.now_ms())
            return Decision(_records(table, joined) if joined is not None else [], None)

        return shard.start(decide)

    async def _abort_orphans(self) -> None:
        """Abort open transactions in partitions that no transactional id knows of.

        A power cut can take the record that a partition joined a transaction and leave the batch
        that was written after it: nobody would ever end it. Its producer is fenced, for it may
        still believe that the batch is in its transaction: in the partition by the epoch of the
        marker, and at the end by having the rest of that transaction aborted.
        """
        if not all(shard.is_loaded for shard, _ in self._shards.values()):
            log.warning("orphaned transactions are not looked for: some owners cannot be read")
            return
        for partition in tuple(self._partitions.all()):
            for entry in tuple(partition.log.producer_state.entries.values()):
                if entry.transaction_first_offset >= 0:
                    await self._abort_if_orphaned(partition, entry)

    async def _abort_if_orphaned(self, partition: Partition, entry: ProducerEntry) -> None:
        for shard, table in tuple(self._shards.values()):
            for transaction in table.all():
                if transaction.producer.id != entry.producer_id:
                    continue
                if (partition.topic, partition.index) in transaction.partitions:
                    return
                if transaction.state is states.TransactionState.ONGOING:
                    await self._fence(shard, table, transaction)
        producer = Producer(entry.producer_id, min(entry.producer_epoch + 1, MARKER_EPOCH_MAX))
        log.warning("orphaned transaction aborted partition=%s %s", partition, producer)
        marker = EndTransactionMarker(ControlType.ABORT, 0)
        await self._try(self._markers.end_in(partition, producer, marker, self._clock.now_ms()))

    async def _try(self, attempt: Coroutine[Any, Any, Any]) -> Any:
        """Background work: a refusal is told in the log and tried again at the next round."""
        try:
            return await attempt
        except KafkaError as error:
            log.warning("put off to the next round: %s", error)
            return None

    @property
    def _count(self) -> int:
        """Partitions of the internal topic; 0 while it does not exist."""
        topic = self._cluster.image.topics.get(TRANSACTIONS_TOPIC)
        return 0 if topic is None else len(topic.partitions)

    async def _shard_made(self, transactional_id: str) -> tuple[Shard, TransactionTable]:
        """The shard of an id, its topic created at its first use."""
        if not self._count:
            await self._cluster.ensure_internal_topic(TRANSACTIONS_TOPIC)
        await self._open_missing()
        return self._shard_of(transactional_id)

    def partition_for(self, transactional_id: str) -> int:
        """The partition of `__transaction_state` that holds an id, or will hold it."""
        count = self._count or self._config.transaction_state_log_num_partitions
        return (java_string_hash(transactional_id) & 0x7FFFFFFF) % count

    def _shard_of(self, transactional_id: str) -> tuple[Shard, TransactionTable]:
        if not transactional_id:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "transactional.id is empty")
        if not self._count:  # nothing was ever initialised
            message = f"transactional id {transactional_id!r} has no producer"
            raise KafkaError(ErrorCode.INVALID_PRODUCER_ID_MAPPING, message)
        index = self.partition_for(transactional_id)
        found = self._shards.get(index)
        if found is None:
            message = f"{TRANSACTIONS_TOPIC}-{index} is not there yet"
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, message)
        found[0].check_loaded()
        return found

    def _open(self, index: int) -> Shard | None:
        """The shard that is new here; None when it is here, or its partition cannot be used."""
        if index in self._shards:
            return None
        try:
            partition = self._partitions.get(TRANSACTIONS_TOPIC, index)
        except KafkaError as error:
            log.debug(
                "transactions not available: %s", error
            )  # the partition itself said it loudly
            return None
        table = TransactionTable()
        shard = Shard(partition, table, self._clock)
        self._shards[index] = (shard, table)
        return shard

    async def _load(self, shard: Shard) -> None:
        """Read a shard; one that cannot be read refuses its ids, the others go on."""
        try:
            await shard.load()
        except (KafkaError, StorageError) as error:
            log.error("transactions cannot be read: %s partition=%s", error, shard.partition)


def _records(
    table: TransactionTable, transaction: Transaction
) -> list[tuple[bytes | None, bytes | None]]:
    table.decided(transaction)
    return [(encode_key(transaction.transactional_id), encode_value(transaction))]


def _saved(table: TransactionTable, transaction: Transaction) -> Decision[Any]:
    return Decision(_records(table, transaction), transaction)


def _try_again(transactional_id: str) -> KafkaError:
    message = f"the transaction before is being ended transactional_id={transactional_id}"
    return KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS, message)
