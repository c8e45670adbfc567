"""One transactional id and what may happen to it: a pure state machine (KIP-98, 360, 588, 890).

    Empty -> Ongoing -> PrepareCommit -> CompleteCommit -> Ongoing | Empty
                     -> PrepareAbort  -> CompleteAbort  -> Ongoing | Empty

Every function here takes the transaction as it is and returns it as it shall be, or refuses with a
`KafkaError`; it changes nothing. The coordinator appends what is returned to `__transaction_state`.
PrepareCommit and PrepareAbort are the points of decision: from there only the markers are missing.

Epochs: whoever initialises a transactional id gets a higher epoch, which fences everybody before.
With transaction version 2 each end of a transaction raises the epoch too, so that a late batch of
an ended transaction can never slip into the next one (KIP-890).
"""

from dataclasses import dataclass, replace
from enum import IntEnum

from broker.errors import ErrorCode, KafkaError

NO_PRODUCER_ID = -1
NO_PRODUCER_EPOCH = -1
NO_TIMESTAMP = -1
# One below the largest int16, so that the coordinator can always fence the owner (KIP-360).
PRODUCER_EPOCH_MAX = 32766
TRANSACTION_VERSION_2 = 2  # KIP-890 part 2

TopicPartition = tuple[str, int]


class TransactionState(IntEnum):
    """Kafka's numbers of the states, as they are stored in `__transaction_state`."""

    EMPTY = 0
    ONGOING = 1
    PREPARE_COMMIT = 2
    PREPARE_ABORT = 3
    COMPLETE_COMMIT = 4
    COMPLETE_ABORT = 5
    DEAD = 6

    @property
    def title(self) -> str:
        """The name that DescribeTransactions and ListTransactions show, such as PrepareCommit."""
        return "".join(word.capitalize() for word in self.name.split("_"))


PREPARED = (TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT)
COMPLETED = (TransactionState.COMPLETE_COMMIT, TransactionState.COMPLETE_ABORT)


@dataclass(frozen=True, slots=True)
class Producer:
    """Who writes: an id and the epoch that fences its predecessors."""

    id: int
    epoch: int

    @property
    def is_exhausted(self) -> bool:
        """True when the epoch cannot be raised again: the id has to be replaced."""
        return self.epoch >= PRODUCER_EPOCH_MAX


@dataclass(frozen=True, slots=True)
class Transaction:
    """All that is known of one transactional id; times are in milliseconds since 1970."""

    transactional_id: str
    producer: Producer
    timeout_ms: int
    state: TransactionState = TransactionState.EMPTY
    partitions: frozenset[TopicPartition] = frozenset()
    previous_producer_id: int = NO_PRODUCER_ID
    next_producer_id: int = NO_PRODUCER_ID  # set while a spent id waits for its last markers
    last_epoch: int = NO_PRODUCER_EPOCH  # the epoch before: a retry is known by it
    started_at_ms: int = NO_TIMESTAMP
    updated_at_ms: int = NO_TIMESTAMP
    client_version: int = 0  # transaction version of the client that made the last transition

    @property
    def is_commit(self) -> bool:
        """Whether a prepared or completed transaction was committed."""
        return self.state in (TransactionState.PREPARE_COMMIT, TransactionState.COMPLETE_COMMIT)


def needs_producer_id(current: Transaction | None, expected: Producer | None) -> bool:
    """Whether `initialise` will want a fresh producer id (they are never reused, so ask first)."""
    if current is None:
        return True
    settled = current.state not in (*PREPARED, TransactionState.ONGOING)
    retry_of_other = expected is not None and expected.epoch != current.producer.epoch
    return settled and current.producer.is_exhausted and not retry_of_other


@dataclass(frozen=True, slots=True)
class InitialiseRequest:
    """What InitProducerId asks for; `expected` is the identity of a producer that recovers."""

    transactional_id: str
    timeout_ms: int
    expected: Producer | None
    fresh_producer_id: int  # used only where `needs_producer_id` said so


def initialise(current: Transaction | None, request: InitialiseRequest, now_ms: int) -> Transaction:
    """The transaction of a producer that starts: Empty, at an epoch that fences all before it.

    A transaction still Ongoing comes back as PrepareAbort: the caller ends it and answers
    CONCURRENT_TRANSACTIONS, so that the producer asks again and gets an epoch of its own.
    Refuses with CONCURRENT_TRANSACTIONS while markers are written, PRODUCER_FENCED when `expected`
    is no longer the owner.
    """
    if current is None:
        return Transaction(
            request.transactional_id,
            Producer(request.fresh_producer_id, 0),
            request.timeout_ms,
            updated_at_ms=now_ms,
        )
    if request.expected is not None and not _may_continue(current, request.expected):
        raise _fenced(current, request.expected)
    if current.state in PREPARED:
        raise _concurrent(current)
    if current.state is TransactionState.ONGOING:
        return fence(current, now_ms)
    if needs_producer_id(current, request.expected):
        producer = Producer(request.fresh_producer_id, 0)
        last_epoch = current.producer.epoch if request.expected else NO_PRODUCER_EPOCH
    else:
        producer, last_epoch = _next_epoch(current, request.expected)
    return replace(
        current,
        producer=producer,
        previous_producer_id=current.producer.id,
        last_epoch=last_epoch,
        timeout_ms=request.timeout_ms,
        state=TransactionState.EMPTY,
        partitions=frozenset(),
        started_at_ms=NO_TIMESTAMP,
        updated_at_ms=now_ms,
    )


def fence(current: Transaction, now_ms: int) -> Transaction:
    """An Ongoing transaction taken from its owner: PrepareAbort at the next epoch.

    Bumped once, also with transaction version 2: twice would waste epochs (KAFKA-19367). It counts
    as an end by that version, as in Kafka 4.2: whoever had the epoch and comes too late with its
    abort or InitProducerId is told the next one, and may go on until somebody starts anew.
    """
    assert current.state is TransactionState.ONGOING
    return replace(
        current,
        producer=Producer(current.producer.id, current.producer.epoch + 1),
        last_epoch=current.producer.epoch,
        state=TransactionState.PREPARE_ABORT,
        updated_at_ms=now_ms,
        client_version=TRANSACTION_VERSION_2,
    )


def add_partitions(
    current: Transaction | None,
    producer: Producer,
    partitions: frozenset[TopicPartition],
    now_ms: int,
) -> Transaction | None:
    """The transaction with `partitions` in it, or None when they all are in it already."""
    transaction = _owned(current, producer)
    if transaction.state in PREPARED:
        raise _concurrent(transaction)
    ongoing = transaction.state is TransactionState.ONGOING
    if ongoing and partitions <= transaction.partitions:
        return None
    return replace(
        transaction,
        state=TransactionState.ONGOING,
        partitions=(transaction.partitions | partitions) if ongoing else partitions,
        started_at_ms=transaction.started_at_ms if ongoing else now_ms,
        updated_at_ms=now_ms,
    )


def verify_partition(
    current: Transaction | None, producer: Producer, partition: TopicPartition
) -> None:
    """Refuse a transactional write to a partition that is not in its transaction (KIP-890)."""
    transaction = _owned(current, producer)
    if transaction.state in PREPARED:
        raise _concurrent(transaction)
    in_transaction = transaction.state is TransactionState.ONGOING
    if not in_transaction or partition not in transaction.partitions:
        message = f"partition {partition[0]}-{partition[1]} is not in the transaction"
        raise KafkaError(ErrorCode.TRANSACTION_ABORTABLE, f"{message} {_name(transaction)}")


@dataclass(frozen=True, slots=True)
class EndRequest:
    """What EndTxn asks for; `version` is 2 where the client raises its epoch at each end."""

    producer: Producer
    commit: bool
    version: int
    fresh_producer_id: int = NO_PRODUCER_ID  # given when `ends_producer_id` said so


def ends_producer_id(current: Transaction | None, version: int) -> bool:
    """Whether ending this transaction spends the last epoch of its producer id."""
    return (
        current is not None and version >= TRANSACTION_VERSION_2 and current.producer.is_exhausted
    )


def end(current: Transaction | None, request: EndRequest, now_ms: int) -> Transaction | None:
    """The prepared transaction, or None when this is the retry of an end that was done already.

    Refuses as Apache Kafka does: INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED,
    CONCURRENT_TRANSACTIONS while the markers of this very end are written, INVALID_TXN_STATE.
    """
    if current is None:
        raise _unknown_producer(request.producer)
    retry = _check_end_owner(current, request)
    if current.state is TransactionState.ONGOING:
        return _prepare(current, request, now_ms)
    if current.state in PREPARED:
        if current.is_commit == request.commit:
            raise _concurrent(current)
        raise _invalid_end(current, request)
    second_version = request.version >= TRANSACTION_VERSION_2
    if second_version and not retry and not request.commit:
        return _prepare(current, request, now_ms)  # an abort that knows no partitions: bump only
    done_before = current.state in COMPLETED and current.is_commit == request.commit
    if done_before and (retry or not second_version):
        return None
    raise _invalid_end(current, request)


def owner_after(ended: Transaction) -> Producer:
    """Who the producer is once a transaction has ended, its markers written or still to come."""
    if ended.next_producer_id != NO_PRODUCER_ID:
        return Producer(ended.next_producer_id, 0)
    return ended.producer


def complete(current: Transaction, now_ms: int) -> Transaction:
    """A prepared transaction whose markers are all written."""
    assert current.state in PREPARED
    done = (
        TransactionState.COMPLETE_COMMIT if current.is_commit else TransactionState.COMPLETE_ABORT
    )
    rotated = current.next_producer_id != NO_PRODUCER_ID
    return replace(
        current,
        state=done,
        producer=Producer(current.next_producer_id, 0) if rotated else current.producer,
        previous_producer_id=current.producer.id if rotated else current.previous_producer_id,
        next_producer_id=NO_PRODUCER_ID,
        partitions=frozenset(),
        updated_at_ms=now_ms,
    )


def has_timed_out(transaction: Transaction, now_ms: int) -> bool:
    """Whether its producer kept a transaction open longer than it promised."""
    ongoing = transaction.state is TransactionState.ONGOING
    return ongoing and transaction.started_at_ms + transaction.timeout_ms < now_ms


def has_expired(transaction: Transaction, now_ms: int, expiration_ms: int) -> bool:
    """Whether a transactional id was not used for `expiration_ms` and can be forgotten."""
    idle = transaction.state in (*COMPLETED, TransactionState.EMPTY)
    return idle and transaction.updated_at_ms + expiration_ms < now_ms


def _may_continue(current: Transaction, expected: Producer) -> bool:
    """A recovering producer must be the owner, or retry a rotation whose answer it never saw."""
    if expected.id == current.producer.id:
        return True
    return expected.id == current.previous_producer_id and expected.is_exhausted


def _next_epoch(current: Transaction, expected: Producer | None) -> tuple[Producer, int]:
    """The producer of an Empty or Complete transaction at its next epoch, and the last one."""
    bumped = Producer(current.producer.id, current.producer.epoch + 1)
    if expected is None:
        return bumped, NO_PRODUCER_EPOCH
    if expected.epoch == current.producer.epoch:
        return bumped, current.producer.epoch
    if expected.epoch == current.last_epoch:
        return current.producer, current.last_epoch  # a retry: its answer was lost (KIP-360)
    raise _fenced(current, expected)


def _prepare(current: Transaction, request: EndRequest, now_ms: int) -> Transaction:
    bumps = request.version >= TRANSACTION_VERSION_2
    started = current.started_at_ms if current.state is TransactionState.ONGOING else now_ms
    epoch = current.producer.epoch
    return replace(
        current,
        state=(
            TransactionState.PREPARE_COMMIT if request.commit else TransactionState.PREPARE_ABORT
        ),
        producer=Producer(current.producer.id, epoch + 1) if bumps else current.producer,
        last_epoch=epoch if bumps else current.last_epoch,
        next_producer_id=request.fresh_producer_id,
        started_at_ms=started,
        updated_at_ms=now_ms,
        client_version=request.version,
    )


def _check_end_owner(current: Transaction, request: EndRequest) -> bool:
    """Refuse an end by anybody but the owner; True when it repeats an end already taken."""
    bumping = min(current.client_version, request.version) >= TRANSACTION_VERSION_2
    same_id = request.producer.id == current.producer.id
    bumped = bumping and same_id and request.producer.epoch + 1 == current.producer.epoch
    rotated = (
        bumping
        and request.producer.id == current.previous_producer_id
        and request.producer.is_exhausted
        and current.producer.epoch == 0
    )
    if not same_id and not rotated:
        raise _unknown_producer(request.producer)
    if bumping and current.state in PREPARED:
        valid = bumped
    elif bumping and current.state in COMPLETED:
        valid = bumped or rotated or request.producer.epoch == current.producer.epoch
    else:
        valid = request.producer.epoch == current.producer.epoch
    if not valid:
        raise _fenced(current, request.producer)
    return bumped or rotated


def _owned(current: Transaction | None, producer: Producer) -> Transaction:
    if current is None or current.producer.id != producer.id:
        raise _unknown_producer(producer)
    if current.producer.epoch != producer.epoch:
        raise _fenced(current, producer)
    return current


def _name(transaction: Transaction) -> str:
    return f"transactional_id={transaction.transactional_id} state={transaction.state.title}"


def _unknown_producer(producer: Producer) -> KafkaError:
    message = f"producer id {producer.id} does not belong to this transactional id"
    return KafkaError(ErrorCode.INVALID_PRODUCER_ID_MAPPING, message)


def _fenced(current: Transaction, producer: Producer) -> KafkaError:
    message = f"producer {producer.id} epoch {producer.epoch} is fenced: the owner is"
    owner = f"{current.producer.id} epoch {current.producer.epoch}"
    return KafkaError(ErrorCode.PRODUCER_FENCED, f"{message} {owner} {_name(current)}")


def _concurrent(current: Transaction) -> KafkaError:
    message = f"the transaction before is still being ended {_name(current)}"
    return KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS, message)


def _invalid_end(current: Transaction, request: EndRequest) -> KafkaError:
    wish = "commit" if request.commit else "abort"
    return KafkaError(ErrorCode.INVALID_TXN_STATE, f"cannot {wish} {_name(current)}")
