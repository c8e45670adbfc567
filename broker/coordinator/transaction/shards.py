"""The partitions of `__transaction_state` as shards: which one a transactional id lives on.

The partition of a transactional id is Kafka's: by String.hashCode of the id.
"""

import logging
from collections.abc import Iterator

from broker.clock import Clock
from broker.coordinator.cluster import Cluster
from broker.coordinator.shard import Shard
from broker.coordinator.transaction.records import value_version
from broker.coordinator.transaction.table import TransactionTable
from broker.coordinator.transaction.transaction import Transaction
from broker.errors import ErrorCode, KafkaError, StorageError
from broker.metadata.features import TRANSACTION_VERSION
from broker.metadata.records import TRANSACTIONS_TOPIC
from broker.partition.partitions import Partitions
from broker.protocol.primitives import partitions_of_name

log = logging.getLogger(__name__)

Slot = tuple[Shard, TransactionTable]


class TransactionShards:
    """All transactional ids of this broker, each on the shard of its partition."""

    def __init__(self, cluster: Cluster, partitions: Partitions, clock: Clock) -> None:
        self._cluster = cluster
        self._partitions = partitions
        self._clock = clock
        self._slots: dict[int, Slot] = {}
        self.deleted: list[Slot] = []
        """What the topic held when it was deleted, until `upkeep` has ended what was open."""

    def slots(self) -> tuple[Slot, ...]:
        """All that are open now; some may not be loaded."""
        return tuple(self._slots.values())

    def find(self, transactional_id: str) -> Transaction | None:
        """The transaction of an id, None when it is not known; refused as by `of`."""
        return self.of(transactional_id)[1].get(transactional_id)

    def all(self) -> Iterator[Transaction]:
        """Every transaction known here."""
        for shard, table in self._slots.values():
            if not shard.is_over:
                shard.check_loaded()
                yield from table.all()

    async def load(self) -> None:
        """Read what stands in the log; requests are refused with "loading" until then."""
        for index in range(self._count):
            self._open(index)
        for shard, _ in self.slots():
            await self._load(shard)

    async def open_missing(self) -> None:
        """Have the shards of a new topic, or of partitions that a full disk refused before.

        What was deleted is let go of.
        """
        for index, slot in tuple(self._slots.items()):
            if slot[0].is_over:
                self.deleted.append(self._slots.pop(index))
        if len(self._slots) < self._count:
            for index in range(self._count):
                if (shard := self._open(index)) is not None:
                    await self._load(shard)

    def of(self, transactional_id: str) -> Slot:
        """The shard of an id; refused when there is none, or it is not loaded.

        An id that an old data directory holds elsewhere stays there until it is forgotten.
        """
        if not transactional_id:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "transactional.id is empty")
        if not self._count:  # nothing was ever initialised, or all of it was deleted
            message = f"{TRANSACTIONS_TOPIC} does not exist"
            raise KafkaError(ErrorCode.NOT_COORDINATOR, message)
        home, former = partitions_of_name(transactional_id, self._count)
        if former != home and self._loaded(former)[1].get(transactional_id) is not None:
            return self._loaded(former)
        return self._loaded(home)

    def _loaded(self, index: int) -> Slot:
        found = self._slots.get(index)
        if found is None:
            message = f"{TRANSACTIONS_TOPIC}-{index} is not there yet"
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, message)
        found[0].check_loaded()
        return found

    def _open(self, index: int) -> Shard | None:
        """The shard that is new here; None when it is here, or its partition cannot be used."""
        if index in self._slots:
            return None
        try:
            partition = self._partitions.get(TRANSACTIONS_TOPIC, index)
        except KafkaError as error:
            log.debug(
                "transactions not available: %s", error
            )  # the partition itself said it loudly
            return None
        table = TransactionTable(self._value_version)
        shard = Shard(partition, table, self._clock)
        self._slots[index] = (shard, table)
        return shard

    def _value_version(self) -> int:
        return value_version(self._cluster.image.features.get(TRANSACTION_VERSION, 0))

    async def _load(self, shard: Shard) -> None:
        """Read a shard; one that cannot be read refuses its ids, the others go on."""
        try:
            await shard.load()
        except (KafkaError, StorageError) as error:
            log.error("transactions cannot be read: %s partition=%s", error, shard.partition)

    @property
    def _count(self) -> int:
        """Partitions of the internal topic; 0 while it does not exist."""
        topic = self._cluster.image.topics.get(TRANSACTIONS_TOPIC)
        return 0 if topic is None else len(topic.partitions)

    async def opened(self, transactional_id: str) -> Slot:
        """As `of`, also when the topic was made a moment ago: FindCoordinator makes it."""
        if self._count:
            await self.open_missing()
        return self.of(transactional_id)
