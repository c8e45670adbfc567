"""The transactional id's state machine, rule by rule (KIP-98, 360, 890)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis.strategies import booleans, integers, lists, sampled_from

from broker.coordinator.transaction.transaction import (
    PRODUCER_EPOCH_MAX,
    EndRequest,
    InitialiseRequest,
    Producer,
    Transaction,
    TransactionState,
    add_partitions,
    complete,
    end,
    ends_producer_id,
    fence,
    has_expired,
    has_timed_out,
    initialise,
    needs_producer_id,
    owner_after,
    verify_partition,
)
from broker.errors import ErrorCode, KafkaError

NOW_MS = 1_700_000_000_000
PARTITIONS = frozenset({("orders", 0), ("orders", 1)})


def wish(
    expected: Producer | None = None, fresh_producer_id: int = 7, timeout_ms: int = 60_000
) -> InitialiseRequest:
    return InitialiseRequest("shop", timeout_ms, expected, fresh_producer_id)


def fresh() -> Transaction:
    return initialise(None, wish(), NOW_MS)


def ongoing(epoch: int = 0, client_version: int = 0) -> Transaction:
    started = replace(fresh(), producer=Producer(7, epoch), client_version=client_version)
    transaction = add_partitions(started, started.producer, PARTITIONS, NOW_MS)
    assert transaction is not None
    return transaction


def code_of(refusal: pytest.ExceptionInfo[KafkaError]) -> ErrorCode:
    return refusal.value.code


def test_a_new_transactional_id_starts_empty_at_epoch_zero() -> None:
    transaction = fresh()

    assert transaction.state is TransactionState.EMPTY
    assert transaction.producer == Producer(7, 0)


def test_initialising_again_raises_the_epoch_and_keeps_the_id() -> None:
    again = initialise(fresh(), wish(fresh_producer_id=99), NOW_MS)

    assert again.producer == Producer(7, 1)


def test_initialising_over_an_open_transaction_aborts_it_at_a_higher_epoch() -> None:
    fenced = initialise(ongoing(), wish(), NOW_MS)

    assert fenced.state is TransactionState.PREPARE_ABORT
    assert fenced.producer == Producer(7, 1)
    assert fenced.partitions == PARTITIONS


def test_initialising_while_markers_are_written_asks_to_come_again() -> None:
    with pytest.raises(KafkaError) as refusal:
        initialise(fence(ongoing(), NOW_MS), wish(), NOW_MS)

    assert code_of(refusal) is ErrorCode.CONCURRENT_TRANSACTIONS


def test_a_recovering_owner_gets_the_next_epoch_and_its_retry_the_same() -> None:
    first = initialise(fresh(), wish(expected=Producer(7, 0)), NOW_MS)
    retry = initialise(first, wish(expected=Producer(7, 0)), NOW_MS)

    assert first.producer == retry.producer == Producer(7, 1)


def test_a_producer_that_was_replaced_is_fenced_when_it_recovers() -> None:
    replaced = initialise(fresh(), wish(), NOW_MS)

    with pytest.raises(KafkaError) as refusal:
        initialise(replaced, wish(expected=Producer(7, 0)), NOW_MS)

    assert code_of(refusal) is ErrorCode.PRODUCER_FENCED


def test_a_spent_epoch_is_answered_with_a_new_producer_id() -> None:
    spent = replace(fresh(), producer=Producer(7, PRODUCER_EPOCH_MAX))

    rotated = initialise(spent, wish(fresh_producer_id=8), NOW_MS)

    assert needs_producer_id(spent, None)
    assert rotated.producer == Producer(8, 0)
    assert rotated.previous_producer_id == 7


def test_adding_partitions_starts_the_transaction_and_its_clock() -> None:
    transaction = add_partitions(fresh(), Producer(7, 0), PARTITIONS, NOW_MS + 5)

    assert transaction is not None
    assert transaction.state is TransactionState.ONGOING
    assert transaction.started_at_ms == NOW_MS + 5


def test_adding_partitions_that_are_in_it_changes_nothing() -> None:
    assert add_partitions(ongoing(), Producer(7, 0), PARTITIONS, NOW_MS + 9) is None


def test_adding_more_partitions_gives_a_transaction_no_more_time() -> None:
    more = add_partitions(ongoing(), Producer(7, 0), frozenset({("clicks", 3)}), NOW_MS + 9)

    assert more is not None
    assert more.partitions == PARTITIONS | {("clicks", 3)}
    assert (more.started_at_ms, more.updated_at_ms) == (NOW_MS, NOW_MS + 9)


def test_the_next_transaction_begins_without_the_partitions_of_the_last() -> None:
    done = complete(_ended(ongoing(), commit=True), NOW_MS)

    following = add_partitions(done, done.producer, frozenset({("clicks", 3)}), NOW_MS + 7)

    assert following is not None
    assert following.partitions == {("clicks", 3)}
    assert following.started_at_ms == NOW_MS + 7


@pytest.mark.parametrize(
    ("producer", "code"),
    [
        (Producer(6, 0), ErrorCode.INVALID_PRODUCER_ID_MAPPING),
        (Producer(7, 1), ErrorCode.PRODUCER_FENCED),
    ],
)
def test_only_the_owner_adds_partitions(producer: Producer, code: ErrorCode) -> None:
    with pytest.raises(KafkaError) as refusal:
        add_partitions(fresh(), producer, PARTITIONS, NOW_MS)

    assert code_of(refusal) is code


def test_a_write_outside_the_transaction_can_be_aborted() -> None:
    with pytest.raises(KafkaError) as refusal:
        verify_partition(ongoing(), Producer(7, 0), ("orders", 2))

    assert code_of(refusal) is ErrorCode.TRANSACTION_ABORTABLE


def test_a_write_after_the_end_is_outside_the_transaction() -> None:
    done = complete(_ended(ongoing(), commit=True), NOW_MS)

    with pytest.raises(KafkaError) as refusal:
        verify_partition(done, done.producer, ("orders", 0))

    assert code_of(refusal) is ErrorCode.TRANSACTION_ABORTABLE


def _ended(transaction: Transaction, commit: bool, version: int = 0) -> Transaction:
    prepared = end(transaction, EndRequest(transaction.producer, commit, version), NOW_MS)
    assert prepared is not None
    return prepared


@pytest.mark.parametrize("commit", [True, False])
def test_a_first_version_end_keeps_the_epoch(commit: bool) -> None:
    done = complete(_ended(ongoing(), commit), NOW_MS)

    assert done.producer == Producer(7, 0)
    assert done.is_commit is commit
    assert done.partitions == frozenset()


@pytest.mark.parametrize("commit", [True, False])
def test_a_first_version_end_can_be_repeated_but_not_reversed(commit: bool) -> None:
    done = complete(_ended(ongoing(), commit), NOW_MS)

    repeated = end(done, EndRequest(done.producer, commit, 0), NOW_MS)
    with pytest.raises(KafkaError) as refusal:
        end(done, EndRequest(done.producer, not commit, 0), NOW_MS)

    assert repeated is None
    assert code_of(refusal) is ErrorCode.INVALID_TXN_STATE


def test_a_second_version_end_raises_the_epoch() -> None:
    done = complete(_ended(ongoing(), commit=True, version=2), NOW_MS)

    assert done.producer == Producer(7, 1)
    assert done.last_epoch == 0


def test_a_second_version_retry_is_known_by_its_old_epoch() -> None:
    done = complete(_ended(ongoing(), commit=True, version=2), NOW_MS)

    assert end(done, EndRequest(Producer(7, 0), True, 2), NOW_MS) is None


def test_a_second_version_retry_while_markers_are_written_comes_again() -> None:
    prepared = _ended(ongoing(), commit=True, version=2)

    with pytest.raises(KafkaError) as refusal:
        end(prepared, EndRequest(Producer(7, 0), True, 2), NOW_MS)

    assert code_of(refusal) is ErrorCode.CONCURRENT_TRANSACTIONS


def test_a_second_version_abort_without_partitions_still_raises_the_epoch() -> None:
    aborted = _ended(fresh(), commit=False, version=2)

    assert aborted.state is TransactionState.PREPARE_ABORT
    assert complete(aborted, NOW_MS).producer == Producer(7, 1)


def test_an_empty_transaction_cannot_be_committed() -> None:
    for version in (0, 2):
        with pytest.raises(KafkaError) as refusal:
            end(fresh(), EndRequest(Producer(7, 0), True, version), NOW_MS)

        assert code_of(refusal) is ErrorCode.INVALID_TXN_STATE


def test_the_last_epoch_of_an_id_ends_under_a_new_id() -> None:
    last = ongoing(epoch=PRODUCER_EPOCH_MAX, client_version=2)
    request = EndRequest(last.producer, True, 2, fresh_producer_id=8)

    prepared = end(last, request, NOW_MS)

    assert ends_producer_id(last, 2)
    assert prepared is not None
    assert prepared.producer == Producer(7, PRODUCER_EPOCH_MAX + 1)  # the markers' epoch
    done = complete(prepared, NOW_MS)
    assert done.producer == Producer(8, 0)
    assert end(done, request, NOW_MS) is None  # its retry


@pytest.mark.parametrize(
    "stranger", [Producer(7, 0), Producer(6, PRODUCER_EPOCH_MAX), Producer(6, 0)]
)
def test_after_a_new_id_only_the_retry_that_asked_for_it_recovers(stranger: Producer) -> None:
    spent = replace(fresh(), producer=Producer(7, PRODUCER_EPOCH_MAX))
    rotated = initialise(spent, wish(Producer(7, PRODUCER_EPOCH_MAX), fresh_producer_id=8), NOW_MS)

    retry = initialise(rotated, wish(Producer(7, PRODUCER_EPOCH_MAX)), NOW_MS)
    with pytest.raises(KafkaError) as refusal:
        initialise(rotated, wish(stranger), NOW_MS)

    assert rotated.producer == retry.producer == Producer(8, 0)
    assert code_of(refusal) is ErrorCode.PRODUCER_FENCED


def test_who_recovers_after_a_fence_goes_on_at_its_epoch_until_somebody_begins_anew() -> None:
    fenced = complete(fence(ongoing(), NOW_MS), NOW_MS)

    recovered = initialise(fenced, wish(Producer(7, 0)), NOW_MS)
    anew = initialise(fenced, wish(), NOW_MS)
    with pytest.raises(KafkaError) as refusal:
        initialise(anew, wish(Producer(7, 0)), NOW_MS)

    assert (recovered.producer, anew.producer) == (Producer(7, 1), Producer(7, 2))
    assert code_of(refusal) is ErrorCode.PRODUCER_FENCED


def test_before_version_2_an_end_at_the_epoch_before_a_fence_is_refused() -> None:
    fenced = fence(ongoing(), NOW_MS)

    with pytest.raises(KafkaError) as refusal:
        end(fenced, EndRequest(Producer(7, 0), True, 0), NOW_MS)
    assert code_of(refusal) is ErrorCode.PRODUCER_FENCED


def test_a_transaction_times_out_after_its_own_timeout() -> None:
    transaction = ongoing()

    assert not has_timed_out(transaction, NOW_MS + transaction.timeout_ms)
    assert has_timed_out(transaction, NOW_MS + transaction.timeout_ms + 1)


def test_only_an_idle_transactional_id_expires() -> None:
    week_ms = 7 * 86_400_000

    assert has_expired(fresh(), NOW_MS + week_ms + 1, week_ms)
    assert not has_expired(ongoing(), NOW_MS + week_ms + 1, week_ms)


@given(
    steps=lists(sampled_from(["initialise", "add", "commit", "abort", "fence"]), max_size=40),
    second_version=booleans(),
    start_epoch=integers(0, PRODUCER_EPOCH_MAX),
)
def test_no_sequence_of_steps_reuses_an_identity(
    steps: list[str], second_version: bool, start_epoch: int
) -> None:
    version = 2 if second_version else 0
    transaction = replace(fresh(), producer=Producer(7, start_epoch))
    fresh_id = 100
    seen = [transaction.producer]

    for step in steps:
        fresh_id += 1
        taken = _step(transaction, step, version, fresh_id)
        if taken is None:
            continue
        if taken.state.name.startswith("PREPARE"):
            taken = complete(taken, NOW_MS)
        if taken.producer != transaction.producer:
            assert taken.producer not in seen
            seen.append(taken.producer)
        transaction = taken

    assert all(producer.epoch <= PRODUCER_EPOCH_MAX for producer in seen)


def _step(transaction: Transaction, step: str, version: int, fresh_id: int) -> Transaction | None:
    producer = transaction.producer
    request = wish(fresh_producer_id=fresh_id)
    try:
        if step in ("initialise", "fence") and transaction.state is TransactionState.ONGOING:
            fenced = complete(fence(transaction, NOW_MS), NOW_MS)  # at an epoch nobody is told
            return initialise(fenced, request, NOW_MS)
        if step == "initialise":
            return initialise(transaction, request, NOW_MS)
        if step == "add":
            return add_partitions(transaction, producer, PARTITIONS, NOW_MS)
        spent = ends_producer_id(transaction, version)
        next_id = fresh_id if spent else -1
        return end(transaction, EndRequest(producer, step == "commit", version, next_id), NOW_MS)
    except KafkaError:
        return None


def test_an_abort_that_comes_behind_a_fence_is_told_the_next_epoch() -> None:
    fenced = complete(fence(ongoing(), NOW_MS), NOW_MS)
    producer = Producer(7, 0)

    ended = end(fenced, EndRequest(producer, False, 2), NOW_MS)
    with pytest.raises(KafkaError) as refusal:
        end(fenced, EndRequest(producer, False, 1), NOW_MS)

    assert ended is None  # done already
    assert owner_after(fenced) == Producer(7, 1)
    assert code_of(refusal) is ErrorCode.PRODUCER_FENCED
