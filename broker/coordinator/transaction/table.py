"""The transactions of one partition of `__transaction_state`: what a shard replays and changes."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from broker.coordinator.shard import Source
from broker.coordinator.transaction.records import decode_key, decode_value
from broker.coordinator.transaction.transaction import Transaction
from broker.errors import ErrorCode, KafkaError

log = logging.getLogger(__name__)


class TransactionTable:
    """Transactions by transactional id; changed by replaying records only."""

    def __init__(self, value_version: Callable[[], int]) -> None:
        self.value_version = value_version
        """In which the next record is written."""
        self._transactions: dict[str, Transaction] = {}
        self.ending: set[str] = set()
        """Transactional ids that are being ended right now; not part of the log."""
        self.unmarked: dict[str, Transaction] = {}
        """Decided, and known to lack a marker in some partition."""
        self._decided: dict[str, Transaction] = {}

    def get(self, transactional_id: str) -> Transaction | None:
        return self._transactions.get(transactional_id)

    def all(self) -> tuple[Transaction, ...]:
        return tuple(self._transactions.values())

    def reset(self) -> None:
        self._transactions.clear()
        self._decided.clear()

    def decided(self, transaction: Transaction) -> None:
        """What the next record of this id is made from: some of it is not in the log.

        The epoch before never is, the producer id before only in records of version 1 (Kafka's
        format): what a retry is told apart by lives until a restart, as in Kafka.
        """
        self._decided[transaction.transactional_id] = transaction

    def replay(self, key: bytes | None, value: bytes | None, source: Source) -> None:
        """Apply one record; records of formats of the future are passed over, as Kafka does."""
        transactional_id = decode_key(key) if key is not None else None
        if transactional_id is None:
            log.warning("unknown record passed over: key=%r offset=%d", key, source.offset)
        elif value is None:
            self._transactions.pop(transactional_id, None)
        else:
            read = decode_value(transactional_id, value)
            made_from = self._decided.pop(transactional_id, read)
            same = (made_from.producer, made_from.state) == (read.producer, read.state)
            self._transactions[transactional_id] = made_from if same else read

    @contextmanager
    def sole_end_of(self, transactional_id: str) -> Iterator[None]:
        """From before the decision until its markers are written: nobody else may end this id.

        A marker on the disk before its decision would commit one partition of a transaction whose
        others a crash lets abort. CONCURRENT_TRANSACTIONS when somebody is at it.
        """
        if transactional_id in self.ending:
            message = f"the transaction before is being ended transactional_id={transactional_id}"
            raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS, message)
        self.ending.add(transactional_id)
        try:
            yield
        finally:
            self.ending.discard(transactional_id)

    def end_transaction(self, producer_id: int, *, committed: bool) -> None:
        """Nothing: this topic tells of transactions, it is written outside of them."""
