"""Lag in records and seconds, with the edge cases of the specification's table."""

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists

from dashboard.cluster.end_ring import EndRing
from dashboard.cluster.lag import (
    Appended,
    LagClock,
    Place,
    Retention,
    at_risk,
    lost_records,
    offset_lag,
    places,
    retention_used,
)
from dashboard.cluster.model import Estimate
from tracker.kafka.answers import LogSpan, Record
from tracker.topics import TopicPartition

PLACE = TopicPartition("events", 0)
NOW = 1_700_000_000_000


def record(offset: int, timestamp_ms: int, append_time: bool = True) -> Record:
    return Record("events", 0, offset, timestamp_ms, append_time, None, b"", ())


@given(integers(0, 10**9), integers(0, 10**9), integers(0, 10**9))
def test_lag_is_never_negative_and_never_more_than_the_log_holds(
    committed: int, start: int, length: int
) -> None:
    end = start + length

    lag = offset_lag(committed, start, end)

    assert 0 <= lag <= end - start


def test_a_commit_beyond_the_end_is_no_lag() -> None:
    assert offset_lag(committed=12, start=0, end=10) == 0


def test_a_commit_before_the_log_start_counts_from_the_start_and_counts_losses() -> None:
    assert offset_lag(committed=5, start=100, end=150) == 50
    assert lost_records(committed=5, start=100) == 95
    assert lost_records(committed=100, start=100) == 0


def test_an_empty_partition_has_no_lag_and_uses_no_retention() -> None:
    assert offset_lag(committed=0, start=70, end=70) == 0
    assert retention_used(committed=0, start=70, end=70) == 0.0


def test_the_share_of_the_log_that_waits_is_between_nothing_and_all() -> None:
    shares = [retention_used(committed, 100, 200) for committed in (50, 100, 150, 199, 200, 230)]

    assert shares == [1.0, 1.0, 0.5, 0.01, 0.0, 0.0]


def test_the_risk_is_by_age_where_age_decides_and_else_by_place() -> None:
    by_age, by_size = Retention(ms=100_000), Retention(by_size=True)

    assert at_risk(50.0, 0.9, 500, by_age) == 0.5
    assert at_risk(500.0, 0.0, 500, by_age) == 1.0
    assert at_risk(None, 0.9, 500, by_age) == 0.9  # how old it is, nobody knows
    assert at_risk(50.0, 0.9, 500, by_size) == 0.9
    assert at_risk(50.0, 0.9, 0, by_size) == 0.0  # nothing was deleted yet
    assert at_risk(50.0, 0.9, 500, Retention()) == 0.0


def test_seconds_are_the_age_of_the_first_waiting_record() -> None:
    clock = LagClock()
    asked = clock.to_read({(PLACE, 5): 10})

    clock.learn(asked, {PLACE: record(5, NOW - 42_000)}, {PLACE: 10})

    assert clock.seconds((PLACE, 5), NOW) == (42.0, Estimate.EXACT)


def test_a_record_stamped_by_its_producer_says_so() -> None:
    clock = LagClock()

    clock.learn({PLACE: 5}, {PLACE: record(5, NOW - 1_000, append_time=False)}, {PLACE: 10})

    assert clock.seconds((PLACE, 5), NOW) == (1.0, Estimate.PRODUCER_CLOCK)


def test_a_record_from_the_future_is_no_negative_lag() -> None:
    clock = LagClock()

    clock.learn({PLACE: 5}, {PLACE: record(5, NOW + 9_000)}, {PLACE: 10})

    assert clock.seconds((PLACE, 5), NOW)[0] == 0.0


def test_a_record_is_read_once_until_the_commit_moves() -> None:
    clock = LagClock()
    clock.learn(clock.to_read({(PLACE, 5): 10}), {PLACE: record(5, NOW)}, {PLACE: 10})

    assert clock.to_read({(PLACE, 5): 11}) == {}
    assert clock.to_read({(PLACE, 6): 11}) == {PLACE: 6}


def test_only_markers_of_transactions_waiting_means_caught_up_until_the_end_moves() -> None:
    clock = LagClock()
    clock.learn(clock.to_read({(PLACE, 9): 10}), {PLACE: None}, {PLACE: 10})

    assert clock.caught_up((PLACE, 9))
    assert clock.to_read({(PLACE, 9): 11}) == {PLACE: 9}
    assert not clock.caught_up((PLACE, 9))


def test_at_most_twenty_records_are_read_in_one_pass() -> None:
    waiting = {(TopicPartition("events", index), 0): 10 for index in range(50)}

    assert len(LagClock().to_read(waiting)) == 20


def test_two_groups_at_different_offsets_of_one_partition_are_read_one_after_the_other() -> None:
    clock = LagClock()
    waiting = {(PLACE, 3): 10, (PLACE, 7): 10}

    first = clock.to_read(waiting)
    clock.learn(first, {PLACE: record(3, NOW)}, {PLACE: 10})

    assert first == {PLACE: 3}
    assert clock.to_read(waiting) == {PLACE: 7}


def told(offset: int, first_ms: int, last_ms: int) -> dict[Place, Appended]:
    return {(PLACE, 5): Appended(offset, first_ms, last_ms)}


def test_the_append_time_of_our_broker_counts_and_not_the_producers_clock() -> None:
    clock = LagClock()
    clock.learn({PLACE: 5}, {PLACE: record(5, NOW - 9_000_000, append_time=False)}, {PLACE: 10})
    clock.tell(told(5, NOW - 3_000, NOW - 2_900))

    assert clock.seconds((PLACE, 5), NOW) == (3.0, Estimate.EXACT)


def test_within_an_old_run_of_appends_the_record_itself_is_believed() -> None:
    clock = LagClock()
    clock.learn({PLACE: 5}, {PLACE: record(5, NOW - 95_000, append_time=False)}, {PLACE: 10})
    clock.tell(told(5, NOW - 100_000, NOW - 90_000))

    assert clock.seconds((PLACE, 5), NOW) == (95.0, Estimate.EXACT)


def test_an_old_run_of_appends_alone_is_a_bound() -> None:
    clock = LagClock()
    clock.tell(told(5, NOW - 100_000, NOW - 90_000))

    assert clock.seconds((PLACE, 5), NOW) == (100.0, Estimate.BOUNDED)


def test_the_broker_is_asked_for_the_record_that_was_found_and_once() -> None:
    """Compaction took what was at the commit: the next record may be much younger."""
    clock = LagClock()
    waiting = {(PLACE, 5): 100}
    assert clock.to_time(waiting) == {(PLACE, 5): 5}
    clock.tell(told(5, NOW - 100_000, NOW - 90_000))
    assert clock.to_time(waiting) == {}

    clock.learn({PLACE: 5}, {PLACE: record(60, NOW - 4_000)}, {PLACE: 100})

    assert clock.to_time(waiting) == {(PLACE, 5): 60}


def test_what_could_not_be_read_is_interpolated_from_the_ends_that_were_seen() -> None:
    clock = LagClock()
    clock.see_ends(NOW, {PLACE: 100})
    clock.see_ends(NOW + 10_000, {PLACE: 200})

    assert clock.seconds((PLACE, 150), NOW + 20_000) == (15.0, Estimate.INTERPOLATED)


def test_before_the_first_look_nothing_is_made_up() -> None:
    clock = LagClock()
    clock.see_ends(NOW, {PLACE: 100})
    clock.see_ends(NOW + 10_000, {PLACE: 200})

    assert clock.seconds((PLACE, 50), NOW + 20_000) == (None, Estimate.UNKNOWN)


def test_a_topic_made_anew_starts_its_ring_anew() -> None:
    ring = EndRing()
    ring.add(1_000, 500)
    ring.add(2_000, 600)

    ring.add(3_000, 10)
    ring.add(4_000, 20)

    assert ring.passed_at_ms(550) is None
    assert ring.passed_at_ms(15) == 3_500


@given(lists(integers(0, 50), min_size=2, max_size=60), integers(0, 3_000))
def test_interpolation_stays_between_the_looks_around_it(steps: list[int], offset: int) -> None:
    ring, end = EndRing(), 0
    for number, step in enumerate(steps):
        end += step
        ring.add(number * 1_000, end)

    found = ring.passed_at_ms(offset)

    if found is not None:
        before = max(at for at, e in zip(ring.at_ms, ring.ends, strict=True) if e <= offset)
        after = min(at for at, e in zip(ring.at_ms, ring.ends, strict=True) if e > offset)
        assert before <= found <= after


def test_a_flat_stretch_is_two_points() -> None:
    ring = EndRing()

    for second in range(100):
        ring.add(second * 1_000, 7)

    assert len(ring.ends) == 2
    assert list(ring.at_ms) == [0, 99_000]


def test_a_ring_of_a_week_is_a_few_hundred_points_and_off_by_a_part_of_its_age() -> None:
    ring, now_ms = EndRing(), 0
    for number in range(7 * 24 * 360):  # a week of looks, ten seconds apart
        now_ms = number * 10_000
        ring.add(now_ms, number)

    assert len(ring.ends) <= 512
    for age_s in (60, 3_600, 86_400, 5 * 86_400):
        number = 7 * 24 * 360 - age_s // 10
        passed = ring.passed_at_ms(number)
        assert passed is not None
        assert abs(passed - number * 10_000) <= max(10_000, age_s * 1000 / 25)
    assert len(ring.points(64)) <= 66


def test_what_the_broker_told_of_a_place_is_forgotten_when_the_commit_moves() -> None:
    clock, place, next_place = LagClock(), (PLACE, 5), (PLACE, 6)
    clock.tell({place: Appended(5, NOW - 3_000, NOW - 2_900)})

    clock.to_read({place: 10})
    waits = clock.seconds(place, NOW), clock.to_time([place])
    clock.to_read({next_place: 10})
    moved = clock.seconds(place, NOW), clock.to_time([place])

    assert waits == ((3.0, Estimate.EXACT), {})
    assert moved == ((None, Estimate.UNKNOWN), {place: 5})


def drawn(span: LogSpan, offset: int) -> float | None:
    """The seconds of a place where nothing but the span of its log is known."""
    clock, place = LagClock(), (PLACE, offset)
    wanted = clock.to_draw([place])
    clock.draw(wanted, {PLACE: span})
    clock.to_read({place: span.youngest_offset + 1})
    assert (wanted, clock.to_draw([place])) == ([place], [])
    seconds, estimate = clock.seconds(place, NOW)
    assert estimate is Estimate.BOUNDED
    return seconds


@pytest.mark.parametrize(
    ("offset", "age_s"), [(90, 100.0), (100, 100.0), (110, 75.0), (140, 0.0), (150, 0.0)]
)
def test_a_line_through_the_log_never_leaves_it(offset: int, age_s: float) -> None:
    assert drawn(LogSpan(100, NOW - 100_000, 140, NOW), offset) == age_s


@pytest.mark.parametrize("offset", [99, 100, 101])
def test_a_line_through_a_log_of_one_record_is_its_time(offset: int) -> None:
    assert drawn(LogSpan(100, NOW - 7_000, 100, NOW - 7_000), offset) == 7.0


def test_a_group_waits_where_its_log_has_more_also_while_the_start_is_not_known() -> None:
    ends = {PLACE: 1}

    assert places([{PLACE: 0}], {}, ends) == {(PLACE, 0): 1}
    assert places([{PLACE: 1}, {TopicPartition("gone", 0): 0}], {}, ends) == {}
    assert places([{PLACE: 0}], {PLACE: 1}, ends) == {}


def test_risk_goes_by_age_where_age_deletes() -> None:
    assert at_risk(90.0, 1.0, 500, Retention(ms=100_000)) == 0.9


def test_a_group_at_the_start_of_a_young_log_is_at_no_risk() -> None:
    assert at_risk(None, 1.0, 0, Retention(ms=100_000, by_size=True)) == 0.0


def test_risk_goes_by_place_where_size_deletes() -> None:
    assert at_risk(1.0, 0.7, 500, Retention(by_size=True)) == 0.7


def test_what_is_deleted_at_once_is_lost_to_whoever_is_behind() -> None:
    at_once = Retention(ms=0)

    assert at_risk(2.0, 0.1, 500, at_once) == 1.0
    assert at_risk(None, 0.7, 500, at_once) == 0.7
    assert at_risk(0.0, 0.0, 500, at_once) == 0.0


def test_a_topic_kept_for_ever_puts_nobody_at_risk() -> None:
    assert at_risk(10_000_000.0, 1.0, 500, Retention()) == 0.0
