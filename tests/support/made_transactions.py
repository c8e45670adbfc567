"""Transactions of a cluster in memory; tests move them by hand."""

from collections.abc import Sequence

from tests.support.made_rights import MadeRights
from tracker.kafka.transactions import Holder, Transaction
from tracker.topics import TopicPartition


class MadeTransactions(MadeRights):
    """Answers as tracker.kafka.transactions.Transactions does."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way: list[Transaction] = []
        self.writers: list[Holder] = []

    def transactions(self, timeout_s: float) -> tuple[Transaction, ...]:
        self._question("transactions")
        return tuple(self.under_way)

    def holders(self, places: Sequence[TopicPartition], timeout_s: float) -> tuple[Holder, ...]:
        self._question("holders")
        return tuple(one for one in self.writers if one.place in places)

    def end_transaction(self, transactional_id: str) -> None:
        self._change("end transaction", transactional_id)
