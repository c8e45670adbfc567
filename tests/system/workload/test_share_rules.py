"""The judge of share groups is judged: a sound history passes, each anomaly is found (KIP-932)."""

from dataclasses import replace

import pytest

from tests.support.workload.anomaly import Kind
from tests.support.workload.checker import check, kinds
from tests.support.workload.history import (
    Delivered,
    Done,
    Ended,
    Event,
    Killed,
    LetGo,
    Sent,
    Visible,
)

HERE = "orders-0"

QUEUED: list[Event] = [
    Sent("p", HERE, "a", at_s=1.0),
    Sent("p", HERE, "b", at_s=1.0),
    Delivered("team", "m1", HERE, 0, "a", began_s=2.0, at_s=2.1),
    LetGo("team", "m1", HERE, 0, at_s=2.2),
    Delivered("team", "m2", HERE, 0, "a", began_s=2.2, count=2, at_s=2.5),
    Done("team", HERE, 0, at_s=2.4),
    Delivered("team", "m1", HERE, 1, "b", began_s=2.5, at_s=2.6),
    Visible(HERE, 0, "a", at_s=9.0),
    Visible(HERE, 1, "b", at_s=9.0),
]


def test_a_share_group_may_deliver_again_until_it_is_told_that_a_record_is_done() -> None:
    assert check(QUEUED) == []


def test_a_record_delivered_after_it_was_done_is_found() -> None:
    late = Delivered("team", "m2", HERE, 0, "a", began_s=4.5, count=3, at_s=4.6)

    assert kinds([*QUEUED, late]) == {Kind.REDELIVERED}


def test_a_record_that_a_share_group_never_delivered_is_found() -> None:
    assert kinds([event for event in QUEUED if event != QUEUED[6]]) == {Kind.NOT_DELIVERED}


def test_a_record_given_to_a_second_member_while_it_is_locked_is_found() -> None:
    wrong = [event for event in QUEUED if not isinstance(event, LetGo)]
    gone = LetGo("team", "m1", at_s=2.15)

    assert kinds(wrong) == {Kind.TWO_HOLDERS}
    assert kinds([*wrong, LetGo("team", "m2", HERE, 0, at_s=2.15)]) == {Kind.TWO_HOLDERS}
    assert check([*wrong, gone]) == []
    assert check([*wrong, Killed(at_s=2.15)]) == []
    assert kinds([*wrong, replace(gone, at_s=1.9)]) == {Kind.TWO_HOLDERS}


def test_a_lock_that_has_run_out_may_go_to_the_next_member() -> None:
    late = Delivered("team", "m2", HERE, 1, "b", began_s=4.1, count=2, at_s=4.2)

    assert check([*QUEUED, late]) == []


def recounted(delivery: Event, count: int) -> list[Event]:
    """The sound history, with another number told for one delivery."""
    assert isinstance(delivery, Delivered)
    return [replace(delivery, count=count) if event == delivery else event for event in QUEUED]


@pytest.mark.parametrize("count", [0, 11])
def test_a_delivery_beyond_the_limit_is_found(count: int) -> None:
    assert kinds(recounted(QUEUED[6], count)) == {Kind.DELIVERY_COUNT}


def test_a_delivery_count_that_goes_back_is_found() -> None:
    wrong = recounted(QUEUED[4], 1)

    assert kinds(wrong) == {Kind.DELIVERY_COUNT}
    assert check([*wrong, Killed(at_s=2.3)]) == []


def test_an_aborted_record_delivered_to_a_share_group_is_found() -> None:
    aborted: list[Event] = [
        Sent("t", HERE, "c", True, "t1", at_s=3.0),
        Ended("t1", False, at_s=3.1),
        Delivered("team", "m1", HERE, 2, "c", began_s=3.2, at_s=3.3),
    ]

    assert kinds([*QUEUED, *aborted]) == {Kind.ABORTED_READ}
