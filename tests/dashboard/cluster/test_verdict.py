"""Each state of a group has its own story; the sentence names the cause."""

from dataclasses import replace

import pytest

from dashboard.cluster.model import GroupState
from dashboard.cluster.verdict import Case, CommitHistory, Sample, judge, worst

MINUTE = 60_000
CASE = Case(
    topic="events",
    partition=0,
    topic_exists=True,
    committed=100,
    lag=50,
    lag_seconds=90.0,
    lost=0,
    backlog=150,
    is_read=True,
    is_assigned=True,
    topic_is_read=True,
    rebalancing_ms=0,
    target_seconds=60.0,
)


def history(*samples: tuple[int, int, int]) -> CommitHistory:
    """Samples as (minute, committed, end)."""
    made = CommitHistory()
    for minute, committed, end in samples:
        made.add(Sample(minute * MINUTE, committed, end))
    return made


def test_no_members_and_records_waiting_is_stopped_at_once() -> None:
    state, cause = judge(replace(CASE, is_read=False, is_assigned=False, topic_is_read=False), None)

    assert state is GroupState.STOPPED
    assert "no members" in cause
    assert "1 min 30 s" in cause


def test_caught_up_is_ok_whatever_was_before() -> None:
    rewound = history((0, 100, 100), (1, 10, 100))

    state, _ = judge(replace(CASE, lag=0, lag_seconds=0.0), rewound)

    assert state is GroupState.OK


def test_members_whose_commits_stand_for_five_minutes_are_stalled() -> None:
    state, cause = judge(CASE, history((0, 100, 120), (3, 100, 140), (5, 100, 150)))

    assert state is GroupState.STALLED
    assert "no commit for events-0 in 5 min" in cause


def test_standing_still_with_nothing_to_read_does_not_count_as_stalling() -> None:
    quiet_then_new = history((0, 100, 100), (9, 100, 100), (10, 100, 150))

    state, _ = judge(replace(CASE, lag_seconds=5.0), quiet_then_new)

    assert state is GroupState.OK


def test_a_group_that_commits_rarely_gets_ten_of_its_own_intervals() -> None:
    rare = history((0, 10, 100), (2, 20, 110), (4, 30, 120), (10, 30, 150))

    assert judge(replace(CASE, committed=30), rare)[0] is not GroupState.STALLED


def test_a_rising_lag_over_the_target_is_slow() -> None:
    state, cause = judge(CASE, history((0, 10, 20), (1, 20, 50), (2, 30, 90), (3, 40, 140)))

    assert state is GroupState.SLOW
    assert "grows by" in cause


def test_one_single_decrease_does_not_hide_a_slow_group() -> None:
    """Burrow calls a group fine after one decrease, with 200,000 records waiting."""
    mostly_rising = history((0, 0, 10), (1, 5, 100), (2, 80, 170), (3, 90, 400), (4, 95, 600))

    assert judge(CASE, mostly_rising)[0] is GroupState.SLOW


def test_far_behind_but_catching_up_is_ok() -> None:
    assert judge(CASE, history((0, 0, 900), (1, 300, 950), (2, 700, 999)))[0] is GroupState.OK


def test_growing_below_the_target_is_ok() -> None:
    growing = history((0, 10, 20), (1, 20, 50), (2, 30, 90), (3, 40, 140))

    assert judge(replace(CASE, lag_seconds=10.0), growing)[0] is GroupState.OK


def test_a_commit_that_went_back_is_rewound_until_it_is_back() -> None:
    back = history((0, 100, 100), (1, 40, 150))

    assert judge(CASE, back)[0] is GroupState.REWOUND

    back.add(Sample(2 * MINUTE, 110, 160))
    assert judge(replace(CASE, lag_seconds=5.0), back)[0] is GroupState.OK


def test_a_topic_made_anew_is_not_a_rewind() -> None:
    anew = history((0, 100, 100), (1, 5, 10))

    assert judge(CASE, anew)[0] is GroupState.OK


def test_a_topic_that_no_member_reads_any_more_is_orphaned() -> None:
    state, cause = judge(replace(CASE, is_assigned=False, topic_is_read=False), None)

    assert state is GroupState.ORPHANED
    assert "no member reads events" in cause


def test_commits_for_a_deleted_topic_are_orphaned() -> None:
    assert judge(replace(CASE, topic_exists=False), None)[0] is GroupState.ORPHANED


def test_an_unassigned_partition_during_a_rebalance_is_not_orphaned() -> None:
    moving = replace(CASE, is_assigned=False, topic_is_read=False, rebalancing_ms=5_000)

    assert judge(moving, None)[0] is GroupState.OK


def test_rebalancing_counts_after_two_minutes() -> None:
    assert judge(replace(CASE, rebalancing_ms=119_000), None)[0] is GroupState.OK
    assert judge(replace(CASE, rebalancing_ms=121_000), None)[0] is GroupState.REBALANCING


def test_no_commit_tells_what_a_reset_would_bring() -> None:
    state, cause = judge(replace(CASE, committed=None, lag=None), None)

    assert state is GroupState.NO_COMMIT
    assert "150 records" in cause


def test_no_commit_on_an_empty_partition_is_nothing_to_worry_about() -> None:
    assert judge(replace(CASE, committed=None, lag=None, backlog=0), None)[0] is GroupState.OK


def test_lost_records_are_told_even_when_caught_up() -> None:
    _, cause = judge(replace(CASE, lag=0, lag_seconds=0.0, lost=7), None)

    assert "7 records were deleted unread" in cause


def test_history_keeps_ten_minutes() -> None:
    long = history(*((minute, minute, minute + 5) for minute in range(30)))

    assert long.observed_ms == 10 * MINUTE
    assert long.rate_of("committed") == pytest.approx(1 / 60)


def test_the_worst_partition_is_the_groups_verdict() -> None:
    states = [(GroupState.OK, "a"), (GroupState.STALLED, "b"), (GroupState.SLOW, "c")]

    assert worst(states) == (GroupState.STALLED, "b")
