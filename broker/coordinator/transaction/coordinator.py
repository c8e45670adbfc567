"""The transaction coordinator: decides on `__transaction_state`, then ends what was decided.

All state machines are in transaction.py; here is what producers ask for. What waits for time is in
upkeep.py, what an end takes in ends.py, which partition an id lives on in shards.py.

An end is answered when its markers are written, not when it is decided as Apache Kafka does: both
are on the same disk, and the next transaction of the client then never meets
CONCURRENT_TRANSACTIONS, which would cost it 20 ms or more. After a crash between decision and
markers the decision stands: `upkeep` writes what is missing.
"""

from collections.abc import Coroutine, Iterator
from typing import Any

from broker.clock import Clock
from broker.config import BrokerConfig
from broker.coordinator.cluster import Cluster
from broker.coordinator.shard import Decision
from broker.coordinator.transaction import transaction as states
from broker.coordinator.transaction.ends import TransactionEnds, records_of, saved
from broker.coordinator.transaction.markers import MarkerWriter, OnMarker
from broker.coordinator.transaction.shards import TransactionShards
from broker.coordinator.transaction.transaction import (
    NO_PRODUCER_ID,
    EndRequest,
    InitialiseRequest,
    Producer,
    TopicPartition,
    Transaction,
)
from broker.coordinator.transaction.upkeep import TransactionUpkeep
from broker.errors import ErrorCode, KafkaError
from broker.partition.partitions import Partitions
from broker.records.control import EndTransactionMarker


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
        self._shards = TransactionShards(cluster, partitions, clock)
        self._ends = TransactionEnds(MarkerWriter(partitions, on_marker), clock)
        self.upkeep = TransactionUpkeep(self._shards, self._ends, partitions, config, clock)

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
        shard, table = await self._shards.opened(transactional_id)
        fresh = NO_PRODUCER_ID
        if states.needs_producer_id(table.get(transactional_id), expected):
            fresh = await self._cluster.next_producer_id()

        def decide() -> Decision[Transaction]:
            current = table.get(transactional_id)
            if fresh == NO_PRODUCER_ID and states.needs_producer_id(current, expected):
                raise _try_again(transactional_id)  # changed while the id was fetched
            request = InitialiseRequest(transactional_id, timeout_ms, expected, fresh)
            return saved(table, states.initialise(current, request, self._clock.now_ms()))

        with table.sole_end_of(transactional_id):
            transaction = await shard.write(decide)
            if transaction.state is states.TransactionState.PREPARE_ABORT:
                await self._ends.finish(shard, table, transaction)
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
        _, table = self._shards.of(transactional_id)
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
        transaction already. A partition that knows a newer epoch refuses before all else with
        INVALID_PRODUCER_EPOCH, as in Kafka 4.2.
        """
        written = self._partitions.get(*partition).log.producer_state
        if producer.id in written.entries:
            written.check_epoch(producer.id, producer.epoch)
        _, table = self._shards.of(transactional_id)
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
        shard, table = self._shards.of(transactional_id)
        fresh = NO_PRODUCER_ID
        if states.ends_producer_id(table.get(transactional_id), request.version):
            fresh = await self._cluster.next_producer_id()

        def decide() -> Decision[Transaction]:
            current = table.get(transactional_id)
            wish = EndRequest(request.producer, request.commit, request.version, fresh)
            prepared = states.end(current, wish, self._clock.now_ms())
            if prepared is not None:
                return saved(table, prepared)
            assert current is not None, "an unknown id has no end to repeat"
            return Decision([], current)

        with table.sole_end_of(transactional_id):
            ended = await shard.write(decide)
            if ended.state in states.PREPARED:
                await self._ends.finish(shard, table, ended)
        return states.owner_after(ended)

    def describe(self, transactional_id: str) -> Transaction:
        """The transaction of an id, or TRANSACTIONAL_ID_NOT_FOUND."""
        if not transactional_id:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "transactional id is empty")
        transaction = self._shards.find(transactional_id)
        if transaction is None:
            message = f"transactional id {transactional_id!r} is not known"
            raise KafkaError(ErrorCode.TRANSACTIONAL_ID_NOT_FOUND, message)
        return transaction

    def all(self) -> Iterator[Transaction]:
        """Every transaction known here (ListTransactions)."""
        return self._shards.all()

    async def write_marker(
        self,
        topic_partition: TopicPartition,
        producer: Producer,
        marker: EndTransactionMarker,
        *,
        epoch_is_raised: bool,
    ) -> None:
        """End a producer's transaction in one partition by hand (WriteTxnMarkers).

        `epoch_is_raised`: to be later than that of its writes.
        """
        partition = self._partitions.get(*topic_partition)
        if epoch_is_raised:
            partition.log.producer_state.check_raised_epoch(producer.id, producer.epoch)
        await self._ends.end_in(partition, producer, marker)

    def _start_adding(
        self, transactional_id: str, producer: Producer, partitions: frozenset[TopicPartition]
    ) -> Coroutine[Any, Any, None]:
        shard, table = self._shards.of(transactional_id)

        def decide() -> Decision[None]:
            current = table.get(transactional_id)
            joined = states.add_partitions(current, producer, partitions, self._clock.now_ms())
            return Decision(records_of(table, joined) if joined is not None else [], None)

        return shard.start(decide)


def _try_again(transactional_id: str) -> KafkaError:
    message = f"the transaction before is being ended transactional_id={transactional_id}"
    return KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS, message)
