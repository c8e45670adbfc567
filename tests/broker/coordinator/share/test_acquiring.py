"""Which records a member is given, as Apache Kafka 4.2.0 answered the same conversations."""

import pytest

from broker.coordinator.share.acquiring import Giving, Portion, Readable
from broker.coordinator.share.records import UNCHANGED
from broker.coordinator.share.share_partition import Acknowledge, Changes, Limits, SharePartition

LIMITS = Limits(delivery_count_max=5, in_flight_max=30, lock_ms=100)
TEN = [Readable(0, 9)]
Runs = list[tuple[int, int, int]]


def give(
    one: SharePartition,
    batches: list[Readable],
    *,
    member: str = "a",
    limits: Limits = LIMITS,
    **wish: int,
) -> Runs:
    """What the member gets of the batches that lie behind the next offset."""
    offset = one.next_offset()
    found = [batch for batch in batches if batch.last_offset >= offset]
    if not found:
        return []
    giving = Giving(one, member, Portion(**wish), 0, limits)  # type: ignore[arg-type]
    return [
        (run.first_offset, run.last_offset, run.delivery_count)
        for run in giving.give(found, offset)
    ]


def keep(one: SharePartition, changes: Changes) -> None:
    one.apply(one.update(changes, one.start_after(changes)), live=True)


def give_back(one: SharePartition, runs: Runs, member: str = "a") -> None:
    said = [(first, last, [int(Acknowledge.RELEASE)]) for first, last, _ in runs]
    keep(one, one.acknowledge(member, said, 0, LIMITS))


def begun() -> SharePartition:
    return SharePartition(start=0, end=0)


def test_records_that_failed_come_in_smaller_runs_and_at_last_alone() -> None:
    one = begun()
    seen = []
    for _ in range(4):
        runs = give(one, TEN)
        seen.append(runs)
        give_back(one, runs)
    last = [give(one, TEN) for _ in range(3)]

    assert seen == [[(0, 9, 1)], [(0, 9, 2)], [(0, 9, 3)], [(0, 4, 4)]]
    assert last == [[(0, 0, 5)], [(1, 1, 5)], [(2, 2, 5)]]


def test_with_two_attempts_nothing_is_given_alone() -> None:
    one = begun()
    limits = Limits(delivery_count_max=2)
    runs = give(one, TEN, limits=limits)
    keep(one, one.acknowledge("a", [(0, 9, [2])], 0, limits))

    again = give(one, TEN, limits=limits)

    assert (runs, again) == ([(0, 9, 1)], [(0, 9, 2)])


def test_a_record_that_failed_often_does_not_come_with_new_ones() -> None:
    one = begun()
    for _ in range(3):
        give_back(one, give(one, [Readable(0, 0)]))
    log = [Readable(0, 0), Readable(1, 4)]

    first, second = give(one, log), give(one, log)

    assert (first, second) == ([(0, 0, 4)], [(1, 4, 1)])


def test_what_came_back_is_given_in_the_runs_of_before() -> None:
    one = begun()
    log = [Readable(0, 0), Readable(1, 3), Readable(4, 9)]
    give_back(one, give(one, log, batch_size=1))

    assert give(one, log) == [(0, 0, 2), (1, 3, 2), (4, 9, 2)]


def test_a_strict_limit_cuts_a_batch_and_the_rest_is_new_to_the_next() -> None:
    one = begun()

    first = give(one, TEN, records_max=3, strict=True)
    second = give(one, TEN, records_max=100, member="b", strict=True)

    assert (first, second) == ([(0, 2, 1)], [(3, 9, 1)])


def test_new_records_beyond_the_room_are_given_to_the_end_of_their_batch() -> None:
    one = begun()
    log = [Readable(0, 19), Readable(20, 39), Readable(40, 59)]

    first, second = give(one, log), give(one, log)

    assert first == [(0, 39, 1)]
    assert second == []


def test_what_compaction_took_between_batches_is_given_as_a_gap() -> None:
    one = begun()

    assert give(one, [Readable(0, 4), Readable(20, 24)]) == [(0, 24, 1)]


def test_what_compaction_took_after_it_came_back_is_done_with() -> None:
    one = begun()
    give_back(one, give(one, [Readable(0, 4)]))
    give(one, [Readable(5, 9)], member="b")  # read from 0 on, and found nothing before 5

    keep(one, [])

    assert one.start == 5


def test_records_of_an_aborted_transaction_are_archived() -> None:
    one = begun()

    runs = give(one, [Readable(0, 1), Readable(2, 4, is_aborted=True), Readable(5, 6)])
    keep(one, one.acknowledge("a", [(0, 1, [1]), (5, 6, [1])], 0, LIMITS))

    assert runs == [(0, 1, 1), (5, 6, 1)]
    assert one.start == 7


def test_after_a_restart_what_nobody_answered_for_is_given_again() -> None:
    one = begun()
    give(one, [Readable(0, 4), Readable(5, 9)], batch_size=1)
    answered = one.acknowledge("a", [(5, 9, [1])], 0, LIMITS)
    update = one.update(answered, one.start_after(answered))
    reborn = begun()

    reborn.apply(update, live=False)

    assert reborn.next_offset() == 0
    assert give(reborn, [Readable(0, 4), Readable(5, 9), Readable(10, 11)]) == [
        (0, 4, 1),
        (10, 11, 1),
    ]


@pytest.mark.parametrize("start", [UNCHANGED, 4])
def test_an_update_moves_the_start_only_if_it_says_so(start: int) -> None:
    one = begun()
    give(one, TEN)
    update = one.update([], 0)
    update.start_offset = start

    one.apply(update, live=True)

    assert one.start == max(start, 0)
