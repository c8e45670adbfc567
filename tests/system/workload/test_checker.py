"""The judge is judged: a sound history passes, and each anomaly, made by hand, is found."""

from dataclasses import replace

import pytest

from tests.support.workload.anomaly import Kind
from tests.support.workload.checker import check, kinds
from tests.support.workload.history import (
    Acknowledged,
    Assigned,
    Commit,
    Deleted,
    Deleting,
    Ended,
    Ending,
    Event,
    Held,
    Made,
    MayGo,
    OffsetRead,
    OutOfRange,
    Polled,
    Reached,
    Sent,
    StartSeen,
    Stored,
    Visible,
)

HERE = "orders-0"

PLAIN: list[Event] = [
    Sent("p", HERE, "a", idempotent=True, at_s=1.0),
    Sent("p", HERE, "b", idempotent=True, at_s=1.1),
    Acknowledged(HERE, "a", 0, at_s=1.2),
    Acknowledged(HERE, "b", 1, at_s=1.3),
    Polled("r1", HERE, 0, "a", at_s=1.4),
    Polled("r1", HERE, 1, "b", at_s=1.5),
]
COMMITTED: list[Event] = [
    Sent("t", HERE, "c", True, "t1", at_s=2.0),
    Sent("t", HERE, "d", True, "t1", at_s=2.1),
    Acknowledged(HERE, "c", 2, at_s=2.2),
    Acknowledged(HERE, "d", 3, at_s=2.2),
    Ending("t1", True, at_s=2.3),
    Polled("r1", HERE, 2, "c", at_s=2.4),
    Polled("r1", HERE, 3, "d", at_s=2.4),
    Ended("t1", True, at_s=2.5),
]
ABORTED: list[Event] = [
    Sent("t", HERE, "e", True, "t2", at_s=3.0),
    Acknowledged(HERE, "e", 5, at_s=3.1),
    Ending("t2", False, at_s=3.2),
    Ended("t2", False, at_s=3.3),
]
UNANSWERED: list[Event] = [
    Sent("p", HERE, "f", idempotent=True, at_s=4.0),
    Sent("t", HERE, "g", True, "t3", at_s=4.1),
    Ending("t3", True, at_s=4.2),
]
GROUP: list[Event] = [
    Assigned("g", 1, "m1", (HERE,), at_s=5.0),
    OffsetRead("g", HERE, -1, began_s=5.1, at_s=5.2),
    Commit("g", 1, HERE, 2, True, began_s=5.3, at_s=5.4),
    Commit("g", 1, HERE, 3, False, began_s=5.5, at_s=5.6),
    Assigned("g", 2, "m2", (HERE,), at_s=6.0),
    OffsetRead("g", HERE, 3, began_s=6.1, at_s=6.2),
    Commit("g", 2, HERE, 4, True, began_s=6.3, at_s=6.4),
]
END: list[Event] = [
    Stored(HERE, 0, 4, ((0, "a"), (1, "b"), (2, "c"), (3, "d")), at_s=9.0),
    Stored(HERE, 4, 5, (), at_s=9.0),
    Stored(HERE, 5, 6, ((5, "e"),), at_s=9.0),
    Stored(HERE, 6, 7, (), at_s=9.0),
    *[Visible(HERE, offset, value, at_s=9.0) for offset, value in enumerate("abcd")],
]
SOUND = [*PLAIN, *COMMITTED, *ABORTED, *UNANSWERED, *GROUP, *END]


def without(*gone: Event) -> list[Event]:
    return [event for event in SOUND if event not in gone]


def changed(was: Event, now: Event) -> list[Event]:
    assert was in SOUND
    return [now if event == was else event for event in SOUND]


def test_a_sound_history_has_no_anomaly() -> None:
    assert check(SOUND) == []


def test_a_send_that_nobody_answered_may_be_there_or_not() -> None:
    stored = Stored(HERE, 7, 9, ((7, "f"), (8, "g")), at_s=9.0)
    there = [Visible(HERE, 7, "f", at_s=9.0), Visible(HERE, 8, "g", at_s=9.0)]

    assert check([*SOUND, stored, *there]) == []


def test_an_acknowledged_record_that_is_gone_was_lost() -> None:
    batch = END[0]
    assert isinstance(batch, Stored)
    gone = replace(batch, values=batch.values[:1] + batch.values[2:])

    assert Kind.LOST_WRITE in kinds(
        [gone if event == batch else event for event in without(Visible(HERE, 1, "b", at_s=9.0))]
    )


def test_a_committed_record_that_is_gone_was_lost() -> None:
    hidden = [Visible(HERE, offset, value, at_s=9.0) for offset, value in ((2, "c"), (3, "d"))]

    assert Kind.LOST_WRITE in kinds(without(*hidden))


def test_an_acknowledged_record_at_another_offset_is_found() -> None:
    assert Kind.OFFSETS in kinds(changed(PLAIN[3], Acknowledged(HERE, "b", 0, at_s=1.3)))


def test_a_record_stored_twice_is_a_duplicate() -> None:
    again = Stored(HERE, 7, 8, ((7, "a"),), at_s=9.0)

    assert Kind.DUPLICATE in kinds([*SOUND, again, Visible(HERE, 7, "a", at_s=9.0)])


@pytest.mark.parametrize(
    "seen",
    [Polled("r1", HERE, 5, "e", at_s=3.5), Visible(HERE, 5, "e", at_s=9.0)],
    ids=["while it ran", "at the end"],
)
def test_a_record_of_an_aborted_transaction_must_not_be_read(seen: Event) -> None:
    assert Kind.ABORTED_READ in kinds([*SOUND, seen])


def test_a_record_read_before_its_transaction_was_to_end_is_found() -> None:
    assert Kind.INTERMEDIATE_READ in kinds(
        changed(COMMITTED[5], Polled("r1", HERE, 2, "c", at_s=2.25))
    )


def test_half_a_transaction_is_found() -> None:
    assert Kind.INTERMEDIATE_READ in kinds(without(Visible(HERE, 3, "d", at_s=9.0)))


def test_records_of_a_producer_out_of_order_are_found() -> None:
    batch = END[0]
    assert isinstance(batch, Stored)
    swapped = replace(batch, values=((0, "b"), (1, "a"), *batch.values[2:]))

    assert Kind.REORDERED in kinds(changed(batch, swapped))


def test_a_gap_between_batches_is_found() -> None:
    assert Kind.OFFSETS in kinds(without(END[1]))


def test_batches_over_each_other_are_found() -> None:
    assert Kind.OFFSETS in kinds(changed(END[2], Stored(HERE, 4, 6, ((5, "e"),), at_s=9.0)))


def test_an_offset_that_meant_another_record_before_is_found() -> None:
    assert Kind.OFFSETS in kinds(changed(PLAIN[4], Polled("r1", HERE, 0, "x", at_s=1.4)))


def test_a_poll_that_goes_back_is_found() -> None:
    again = Polled("r1", HERE, 1, "b", at_s=2.6)

    assert Kind.NON_MONOTONIC_POLL in kinds([*SOUND, again])
    assert check([*SOUND, replace(again, session="r2")]) == []


def test_a_poll_that_leaves_a_record_out_is_found() -> None:
    assert Kind.SKIPPED in kinds(without(PLAIN[5]))


@pytest.mark.parametrize("offset", [-1, 2, 7])
def test_a_read_offset_that_is_not_the_last_commit_is_found(offset: int) -> None:
    late = OffsetRead("g", HERE, offset, began_s=6.5, at_s=6.6)

    assert Kind.LOST_COMMIT in kinds([*SOUND, late])
    assert check([*SOUND, replace(late, offset=4)]) == []


def test_two_owners_in_one_generation_are_found() -> None:
    assert Kind.STALE_ASSIGNMENT in kinds([*SOUND, Assigned("g", 2, "m1", (HERE,), at_s=6.0)])


def test_a_commit_of_a_generation_that_is_over_is_found() -> None:
    late = Commit("g", 1, HERE, 4, True, began_s=6.5, at_s=6.6)

    assert Kind.STALE_ASSIGNMENT in kinds([*SOUND, late])
    assert check([*SOUND, replace(late, acknowledged=False)]) == []


JOURNAL = "journal-0"
CUT: list[Event] = [
    *[Sent("s", JOURNAL, value, at_s=1.0) for value in ("j0", "j1", "j2")],
    *[Acknowledged(JOURNAL, f"j{offset}", offset, at_s=1.1) for offset in range(3)],
    Deleting(JOURNAL, 2, at_s=1.2),
    Deleted(JOURNAL, 1, at_s=1.3),
    Stored(JOURNAL, 2, 3, ((2, "j2"),), at_s=9.0),
    Visible(JOURNAL, 2, "j2", at_s=9.0),
]


def test_what_was_deleted_on_purpose_is_not_lost() -> None:
    assert check(CUT) == []


def test_what_is_gone_beyond_what_was_deleted_was_lost() -> None:
    assert kinds(CUT[:-2]) == {Kind.LOST_WRITE}


def test_a_record_that_was_deleted_and_is_read_is_found() -> None:
    assert kinds([*CUT, Visible(JOURNAL, 0, "j0", at_s=9.0)]) == {Kind.DELETED_READ}
    assert kinds([*CUT, Visible(JOURNAL, 1, "j1", at_s=9.0)]) == set()


LEDGER = "ledger-0"
COMPACTED: list[Event] = [
    Sent("c", LEDGER, "l0", key="a", at_s=1.0),
    Sent("c", LEDGER, "l1", key="b", at_s=1.0),
    Sent("c", LEDGER, "l2", key="a", at_s=1.0),
    *[Acknowledged(LEDGER, f"l{offset}", offset, at_s=1.1) for offset in range(3)],
    Stored(LEDGER, 1, 2, ((1, "l1"),), at_s=9.0),
    Stored(LEDGER, 2, 3, ((2, "l2"),), at_s=9.0),
    Visible(LEDGER, 1, "l1", at_s=9.0),
    Visible(LEDGER, 2, "l2", at_s=9.0),
]


def test_compaction_may_leave_out_what_a_later_record_stands_for() -> None:
    assert check(COMPACTED) == []


def test_the_newest_record_of_a_key_must_not_be_compacted_away() -> None:
    assert kinds(COMPACTED[:-1]) == {Kind.LOST_WRITE}
    assert kinds([event for event in COMPACTED if event != COMPACTED[-2]]) == {Kind.LOST_WRITE}


def test_compacted_batches_still_must_not_lie_over_each_other() -> None:
    assert Kind.OFFSETS in kinds([*COMPACTED, Stored(LEDGER, 0, 2, ((0, "l0"),), at_s=9.0)])


TOMBSTONE = Sent("c", LEDGER, "l3", key="a", tombstone=True, at_s=1.2)
WIPED: list[Event] = [
    *COMPACTED[:6],
    TOMBSTONE,
    Acknowledged(LEDGER, "l3", 3, at_s=1.3),
    Stored(LEDGER, 1, 2, ((1, "l1"),), at_s=9.0),
    Stored(LEDGER, 3, 4, ((3, "l3"),), at_s=9.0),
    Visible(LEDGER, 1, "l1", at_s=9.0),
    Visible(LEDGER, 3, "l3", at_s=9.0),
]
FORGETFUL = MayGo(LEDGER, tombstones=True, at_s=0.5)


def test_a_tombstone_stands_for_all_before_it() -> None:
    assert check(WIPED) == []


def test_a_tombstone_may_go_only_where_its_time_has_come() -> None:
    assert kinds(WIPED[:-1]) == {Kind.LOST_WRITE}
    assert check([FORGETFUL, *WIPED[:-1]]) == []


def test_an_older_value_behind_a_tombstone_that_is_gone_is_found() -> None:
    older = Visible(LEDGER, 0, "l0", at_s=9.0)

    assert kinds([FORGETFUL, *WIPED[:-1], older]) == {Kind.RESURRECTED}
    assert check([FORGETFUL, *WIPED, older]) == []  # the tombstone is still there to say so


def test_a_tombstone_without_an_answer_may_stand_for_what_was_before_it() -> None:
    unanswered = [event for event in WIPED if event != WIPED[7]]

    assert check([FORGETFUL, *unanswered[:-3], *unanswered[-2:-1]]) == []


DIARY = "diary-0"
AGED: list[Event] = [
    MayGo(DIARY, aged=True, at_s=0.5),
    *[Sent("d", DIARY, f"d{offset}", at_s=1.0) for offset in range(4)],
    *[Acknowledged(DIARY, f"d{offset}", offset, at_s=1.1) for offset in range(4)],
    Polled("r1", DIARY, 0, "d0", at_s=1.2),
    OutOfRange(DIARY, 1, at_s=1.5),
    StartSeen(DIARY, 2, began_s=1.6, at_s=1.7),
    Polled("r2", DIARY, 2, "d2", at_s=1.8),
    Polled("r2", DIARY, 3, "d3", at_s=1.8),
    Stored(DIARY, 3, 4, ((3, "d3"),), at_s=9.0),
    Visible(DIARY, 3, "d3", at_s=9.0),
    StartSeen(DIARY, 3, began_s=9.1, at_s=9.2),
]


def test_the_oldest_records_may_age_while_they_are_read() -> None:
    assert check(AGED) == []


def test_a_record_above_the_log_start_must_not_age() -> None:
    assert kinds([event for event in AGED if event != AGED[-2]]) == {Kind.LOST_WRITE}


def test_records_of_a_topic_that_keeps_them_must_not_age() -> None:
    assert kinds(AGED[1:]) == {Kind.LOST_WRITE}


def test_a_log_start_that_goes_back_is_found() -> None:
    assert kinds([*AGED, StartSeen(DIARY, 2, began_s=9.3, at_s=9.4)]) == {Kind.LOG_START}
    assert check([*AGED, StartSeen(DIARY, 2, began_s=9.1, at_s=9.4)]) == []  # asked before


def test_a_reader_that_is_refused_what_is_there_is_found() -> None:
    wrong = [OutOfRange(DIARY, 2, at_s=1.5) if event == AGED[10] else event for event in AGED]

    assert kinds(wrong) == {Kind.LOG_START}


def test_a_gap_in_a_poll_is_found_though_its_records_have_aged_meanwhile() -> None:
    assert kinds([*AGED, Polled("r1", DIARY, 2, "d2", at_s=1.9)]) == {Kind.SKIPPED}


FLOUR = "flour-0"
MILLED: list[Event] = [
    *PLAIN,
    END[0],
    *[event for event in END if isinstance(event, Visible)],
    *[Made(f"m{offset}", "mill", HERE, offset, at_s=5.0) for offset in range(4)],
    Made("m4", "mill", HERE, 3, at_s=5.5),
    *[Visible(FLOUR, offset, f"m{offset}", at_s=9.0) for offset in range(3)],
    Reached("mill", HERE, 3, at_s=9.0),
]


def test_one_record_made_from_each_that_was_left_behind_is_sound() -> None:
    assert check(MILLED) == []


@pytest.mark.parametrize(
    "wrong",
    [
        [*MILLED, Made("m9", "mill", HERE, 0), Visible(FLOUR, 3, "m9", at_s=9.0)],
        [event for event in MILLED if event != Visible(FLOUR, 1, "m1", at_s=9.0)],
        [*MILLED, Visible(FLOUR, 3, "m4", at_s=9.0)],
        [event for event in MILLED if event != Visible(HERE, 0, "a", at_s=9.0)],
    ],
    ids=["made twice", "left out", "made and not left behind", "made from what is not there"],
)
def test_a_transform_that_is_not_exactly_once_is_found(wrong: list[Event]) -> None:
    assert Kind.NOT_ONCE in kinds(wrong)


def test_a_partition_given_to_a_second_member_while_the_first_holds_it_is_found() -> None:
    first = Held("crew", "m1", HERE, since_s=1.0, until_s=3.0)
    later = Held("crew", "m2", HERE, since_s=3.5, until_s=5.0)

    assert check([first, later]) == []
    assert kinds([first, replace(later, since_s=2.9)]) == {Kind.STALE_ASSIGNMENT}
