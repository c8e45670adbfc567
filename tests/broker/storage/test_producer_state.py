"""Sequences and transactions as a log keeps them: retries, fences, the last stable offset."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import ErrorCode, KafkaError
from broker.records.control import ControlType
from broker.records.header import SEQUENCE_COUNT, TRANSACTIONAL_BIT, BatchHeader
from broker.storage.appender import append_many
from broker.storage.log import AppendRequest, LogConfig, Origin
from broker.storage.producer_state import ProducerState
from tests.support.batches import (
    NOW_MS,
    PRODUCER,
    append,
    append_marker,
    batch,
    code_of,
    open_log,
    read_values,
)
from tests.support.memory_files import MemoryFiles


def test_a_retry_of_any_of_the_last_five_batches_is_answered_not_appended() -> None:
    log = open_log(MemoryFiles())
    batches = [batch(b"x", b"y", producer=PRODUCER, sequence=2 * number) for number in range(6)]
    for records in batches:
        append(log, records)

    retries = [append(log, records) for records in batches[1:]]

    assert all(retry.duplicate for retry in retries)
    assert [retry.first_offset for retry in retries] == [2, 4, 6, 8, 10]
    assert log.end_offset == 12
    assert code_of(log, batches[0]) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_a_retry_in_the_same_group_is_recognised() -> None:
    log = open_log(MemoryFiles())
    records = batch(b"x", producer=PRODUCER, sequence=0)

    first, second = append_many(log, [AppendRequest(records, 0, NOW_MS)] * 2)

    assert not isinstance(first, KafkaError)
    assert not isinstance(second, KafkaError)
    assert (first.duplicate, second.duplicate) == (False, True)
    assert read_values(log) == [b"x"]


def test_gaps_old_epochs_and_new_epochs_that_do_not_begin_at_zero_are_refused() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"a", producer=(7, 1), sequence=0))

    gap = code_of(log, batch(b"b", producer=(7, 1), sequence=2))
    old_epoch = code_of(log, batch(b"b", producer=(7, 0), sequence=1))
    new_epoch = code_of(log, batch(b"b", producer=(7, 2), sequence=1))

    assert gap == new_epoch == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert old_epoch == ErrorCode.INVALID_PRODUCER_EPOCH
    assert append(log, batch(b"b", producer=(7, 2), sequence=0)).first_offset == 1


def test_an_unknown_producer_has_an_epoch_that_exists() -> None:
    log = open_log(MemoryFiles())

    below_none = code_of(log, batch(b"a", producer=(7, -2), sequence=0))
    with pytest.raises(KafkaError) as marker:
        append_marker(log, (7, -2), ControlType.COMMIT, coordinator_epoch=0)

    assert below_none == marker.value.code == ErrorCode.INVALID_PRODUCER_EPOCH
    assert log.end_offset == 0


def test_sequences_go_on_from_the_largest_to_zero() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"a", b"b", producer=PRODUCER, sequence=(1 << 31) - 2))

    assert append(log, batch(b"c", producer=PRODUCER, sequence=0)).first_offset == 2


def test_an_unknown_producer_may_begin_anywhere() -> None:
    log = open_log(MemoryFiles())

    assert append(log, batch(b"a", producer=PRODUCER, sequence=55)).first_offset == 0


@pytest.mark.parametrize("size", [1, 100_000])
def test_an_unknown_producer_that_joins_by_writing_begins_at_zero(size: int) -> None:
    log = open_log(MemoryFiles())

    def join(sequence: int) -> object:
        records = batch(b"x" * size, producer=PRODUCER, sequence=sequence, transactional=True)
        (told,) = append_many(log, [AppendRequest(records, 0, NOW_MS, Origin.JOINING)])
        return told.code if isinstance(told, KafkaError) else told.first_offset

    assert join(1) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert [join(0), join(1)] == [0, 1]


def test_idle_producers_are_forgotten_but_not_those_with_an_open_transaction() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"a", producer=(1, 0), sequence=0))
    append(log, batch(b"b", producer=(2, 0), sequence=0, transactional=True))

    removed = log.producer_state.remove_expired(NOW_MS + 1000, 1000)

    assert removed == 1
    assert set(log.producer_state.entries) == {2}


@pytest.mark.parametrize("clean", [True, False])
def test_retries_are_recognised_after_a_restart(clean: bool) -> None:
    """Also those before a producer's last batch, which Kafka's snapshot does not have."""
    files = MemoryFiles()
    config = LogConfig(segment_bytes=300)
    log = open_log(files, config)
    batches = [batch(b"x", b"y", producer=PRODUCER, sequence=2 * number) for number in range(9)]
    for records in batches:
        append(log, records)
    if clean:
        log.close()

    reopened = open_log(files, config, clean=clean)

    assert len(reopened.segments) > 2
    assert [append(reopened, records).first_offset for records in batches[4:]] == [
        8,
        10,
        12,
        14,
        16,
    ]
    assert reopened.end_offset == 18


def test_the_last_stable_offset_stays_below_open_transactions() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"plain"))
    append(log, batch(b"a", producer=(1, 0), sequence=0, transactional=True))
    append(log, batch(b"b", producer=(2, 0), sequence=0, transactional=True))

    both_open = log.last_stable_offset(log.end_offset)
    append_marker(log, (1, 0), ControlType.COMMIT)
    second_open = log.last_stable_offset(log.end_offset)
    append_marker(log, (2, 0), ControlType.ABORT)
    none_open = log.last_stable_offset(log.end_offset)

    assert (both_open, second_open, none_open) == (1, 2, 5)


def test_a_marker_above_the_high_watermark_keeps_its_transaction_unstable() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"a", producer=(1, 0), sequence=0, transactional=True))
    marker = append_marker(log, (1, 0), ControlType.COMMIT)

    assert log.last_stable_offset(marker.first_offset) == 0
    assert log.last_stable_offset(marker.first_offset + 1) == 2


def test_aborted_transactions_are_listed_for_the_range_that_was_read() -> None:
    log = open_log(MemoryFiles(), LogConfig(segment_bytes=200))
    for number in range(4):
        append(log, batch(b"t", producer=(1, 0), sequence=number, transactional=True))
        append_marker(log, (1, 0), ControlType(number % 2))
        append(log, batch(b"plain"))

    def aborted(fetch_offset: int, upper: int) -> list[tuple[int, int]]:
        found = log.aborted_transactions(fetch_offset, upper)
        return [(entry.first_offset, entry.last_offset) for entry in found]

    assert len(log.segments) > 3
    assert aborted(0, log.end_offset) == [(0, 1), (6, 7)]
    assert aborted(0, 6) == [(0, 1)]
    assert aborted(2, log.end_offset) == [(6, 7)]
    assert aborted(2, 6) == []


def test_a_marker_of_an_old_coordinator_or_an_old_epoch_is_refused() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"a", producer=(1, 3), sequence=0, transactional=True))
    append_marker(log, (1, 3), ControlType.COMMIT, coordinator_epoch=5)

    with pytest.raises(KafkaError) as old_coordinator:
        append_marker(log, (1, 3), ControlType.COMMIT, coordinator_epoch=4)
    with pytest.raises(KafkaError) as old_epoch:
        append_marker(log, (1, 2), ControlType.COMMIT, coordinator_epoch=6)

    assert old_coordinator.value.code == ErrorCode.TRANSACTION_COORDINATOR_FENCED
    assert old_epoch.value.code == ErrorCode.INVALID_PRODUCER_EPOCH
    assert log.end_offset == 2


def test_a_producer_with_an_open_transaction_may_not_write_outside_of_it() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"a", producer=PRODUCER, sequence=0, transactional=True))

    assert code_of(log, batch(b"b", producer=PRODUCER, sequence=1)) == ErrorCode.INVALID_TXN_STATE


def test_a_coordinators_batch_needs_no_sequence() -> None:
    log = open_log(MemoryFiles())

    offsets = batch(b"offsets", producer=PRODUCER, transactional=True)
    info = append(log, offsets, origin=Origin.COORDINATOR)

    assert info.first_offset == 0
    assert log.last_stable_offset(1) == 0


@pytest.mark.parametrize("clean", [True, False], ids=["snapshot", "log alone"])
def test_a_producer_of_old_records_is_known_again_after_a_restart(clean: bool) -> None:
    """Records of 2015, or without a time, once had their producer expire at the next start."""
    files = MemoryFiles()
    log = open_log(files)
    records = batch(b"x", producer=PRODUCER, sequence=0, timestamp_ms=-1)
    append(log, records)
    if clean:
        log.close()

    retry = append(open_log(files, clean=clean), records)

    assert retry.duplicate


def test_the_short_way_takes_the_batch_that_follows_and_no_other() -> None:
    state = ProducerState()
    first, second = (BatchHeader(at, 0, 0, 2, 0, 0, 0, 0, NOW_MS, 7, 0, at, 1) for at in (0, 1))

    unknown = state.take_next(first, 0, NOW_MS)
    state.apply(first, NOW_MS)
    taken = [state.take_next(second, 1, NOW_MS) for _ in range(2)]

    assert (unknown, taken) == (False, [True, False])


sent = st.tuples(
    st.sampled_from([0, 1]),  # epoch
    st.sampled_from([0, 1, 2, 3, SEQUENCE_COUNT - 2, SEQUENCE_COUNT - 1]),
    st.integers(0, 2),  # last offset delta
    st.booleans(),  # transactional
)


@given(st.lists(sent, max_size=8))
def test_the_short_way_takes_what_the_long_one_takes_and_is_undone_like_it(
    batches: list[tuple[int, int, int, bool]],
) -> None:
    short, long = ProducerState(), ProducerState()
    for base_offset, (epoch, sequence, delta, transactional) in enumerate(batches):
        bits = TRANSACTIONAL_BIT if transactional else 0
        header = BatchHeader(
            base_offset, 0, 0, 2, 0, bits, delta, 0, NOW_MS, 7, epoch, sequence, delta + 1
        )
        known = dict(short.entries)

        short.begin()
        taken = short.take_next(header, base_offset, NOW_MS)
        short.undo()
        assert short.entries == known
        if taken:
            assert long.check(header) is None
            short.take_next(header, base_offset, NOW_MS)
        else:
            short.apply(header, NOW_MS)
        long.apply(header, NOW_MS)

        assert short.entries == long.entries
        assert short.first_unstable_offset(99) == long.first_unstable_offset(99)
