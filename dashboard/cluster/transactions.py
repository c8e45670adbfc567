"""What a page about transactions asks one cluster: all of them, and who holds up readers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

from dashboard.asked import Asked
from dashboard.cluster.model import Snapshot
from tracker.clock import Clock
from tracker.kafka.transactions import Holder, Transaction
from tracker.topics import TopicPartition

ASK_S: Final = 5.0
HELD_MAX: Final = 500  # partitions whose producers are asked for


class TransactionQuestions(Protocol):
    """Answered by tracker.kafka.transactions.Transactions."""

    def close(self) -> None: ...
    def transactions(self, timeout_s: float) -> tuple[Transaction, ...]: ...
    def holders(self, places: Sequence[TopicPartition], timeout_s: float) -> tuple[Holder, ...]: ...
    def end_transaction(self, transactional_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Held:
    """A partition behind whose last stable offset readers of committed records wait."""

    place: TopicPartition
    offsets: int  # that wait
    holder: Holder | None  # None: nobody, any more
    transactional_id: str  # empty: no coordinator has a transaction of this producer open here

    @property
    def hangs(self) -> bool:
        """No coordinator will ever end it."""
        return self.holder is not None and not self.transactional_id


@dataclass(frozen=True, slots=True)
class Seen:
    """One look."""

    transactions: tuple[Transaction, ...]
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class TransactionDesk:
    """One cluster's."""

    seen: Asked[Seen]
    close: Callable[[], None]

    def forget(self) -> None:
        """After a change."""
        self.seen.forget()


def transaction_desk(
    questions: TransactionQuestions, snapshot: Callable[[], Snapshot | None], clock: Clock
) -> TransactionDesk:
    """`snapshot`: the last look at the cluster, which tells the partitions that wait."""

    def look() -> Seen:
        waiting = dict(islice(held_places(snapshot()).items(), HELD_MAX))
        before = questions.holders(list(waiting), ASK_S)
        rows = questions.transactions(ASK_S)
        held = _joined(waiting, before, rows)
        if any(one.hangs for one in held):  # or it ended, and the other began, between the two
            still = set(questions.holders([one.place for one in held if one.hangs], ASK_S))
            held = [one for one in held if not one.hangs or one.holder in still]
        return Seen(rows, tuple(sorted(held, key=lambda one: (not one.hangs, one.place))))

    return TransactionDesk(Asked(look, clock), questions.close)


def _joined(
    waiting: Mapping[TopicPartition, int],
    holders: Sequence[Holder],
    rows: Sequence[Transaction],
) -> list[Held]:
    """Each partition that waits, with who holds it, and the transaction of that."""
    ids = {
        (one.producer_id, place): one.transactional_id
        for one in rows
        if one.is_open
        for place in one.places
    }
    held = [
        Held(one.place, waiting[one.place], one, ids.get((one.producer_id, one.place), ""))
        for one in holders
    ]
    named = {one.place for one in held}
    return held + [Held(at, waits, None, "") for at, waits in waiting.items() if at not in named]


def held_places(snapshot: Snapshot | None) -> dict[TopicPartition, int]:
    """Partitions whose end is beyond what readers of committed records may see, and by how much."""
    return {
        TopicPartition(topic.name, part.index): waits
        for topic in (snapshot.topics.values() if snapshot is not None else ())
        for part in topic.partitions
        if (waits := part.held_by_transaction)
    }
