"""The life of a child, without a process and without waiting."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers

from footfall.lifecycle import (
    CRASH_LOOP_DEATHS,
    ChildHistory,
    ChildState,
    RestartPolicy,
    died,
    ready,
    restart_wait,
    start_limit,
    started,
)

POLICY = RestartPolicy(first_seconds=0.5, most_seconds=30.0, steady_seconds=60.0)
MIDDLE = 0.5  # luck that adds no jitter


def test_the_wait_doubles_with_each_death_in_a_row_up_to_a_bound() -> None:
    waits = [restart_wait(deaths, POLICY, MIDDLE) for deaths in range(1, 10)]

    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


@given(deaths=integers(1, 10_000), luck=floats(0, 1, exclude_max=True))
def test_jitter_stays_near_the_wait_and_below_the_bound(deaths: int, luck: float) -> None:
    plain = restart_wait(deaths, POLICY, MIDDLE)

    wait = restart_wait(deaths, POLICY, luck)

    assert 0.75 * plain <= wait <= min(1.25 * plain, POLICY.most_seconds)


def test_two_children_that_die_together_do_not_come_back_together() -> None:
    assert restart_wait(3, POLICY, 0.1) != restart_wait(3, POLICY, 0.9)


def test_a_death_is_followed_by_a_restart_after_the_wait() -> None:
    running = ready(started(ChildHistory(), now=100.0))

    verdict = died(running, exit_code=-9, now=101.0, policy=POLICY, luck=MIDDLE)

    assert verdict.wait_seconds == POLICY.first_seconds
    assert verdict.history.state is ChildState.WAITING
    assert verdict.history.restarts == 1


def test_a_child_that_lived_long_is_forgiven() -> None:
    weary = replace(started(ChildHistory(), now=0.0), deaths_in_a_row=7)

    verdict = died(weary, exit_code=1, now=60.0, policy=POLICY, luck=MIDDLE)

    assert verdict.history.deaths_in_a_row == 1
    assert verdict.wait_seconds == POLICY.first_seconds


def test_deaths_in_a_row_become_a_crash_loop() -> None:
    history = ChildHistory()
    for attempt in range(CRASH_LOOP_DEATHS):
        assert not history.in_crash_loop
        history = started(history, now=float(attempt))
        history = died(history, 1, float(attempt), POLICY, MIDDLE).history

    assert history.in_crash_loop


def test_settings_that_cannot_be_used_are_not_tried_again() -> None:
    verdict = died(started(ChildHistory(), now=0.0), 78, 1.0, POLICY, MIDDLE)

    assert verdict.wait_seconds is None
    assert verdict.history.state is ChildState.UNUSABLE


@pytest.mark.parametrize(("deaths", "seconds"), [(0, 30), (1, 60), (4, 480), (5, 480), (900, 480)])
def test_a_start_may_take_twice_as_long_after_each_death_up_to_a_bound(
    deaths: int, seconds: float
) -> None:
    """On a machine where it takes 40 s a limit of 30 s would kill it for ever."""
    assert start_limit(ChildHistory(deaths_in_a_row=deaths), 30) == seconds
