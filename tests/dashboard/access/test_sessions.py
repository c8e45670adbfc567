"""Sessions and tries at their bounds."""

import pytest

from dashboard.access import sessions
from dashboard.access.sessions import (
    AGE_MS,
    IDLE_MS,
    TRIES,
    TRIES_ALL,
    WINDOW_MS,
    Attempts,
    Sessions,
)
from tests.support.manual_clock import ManualClock


def test_a_session_ends_when_it_is_not_used_or_too_old() -> None:
    clock = ManualClock()
    book = Sessions(clock)
    idle, old = book.start("a"), book.start("b")

    clock.advance(IDLE_MS)
    assert book.find(old) is not None
    clock.advance(1)
    assert book.find(idle) is None
    assert book.find(old) is not None
    for _ in range(AGE_MS // IDLE_MS - 2):
        clock.advance(IDLE_MS)
        assert book.find(old) is not None
    clock.advance(IDLE_MS)  # in use all along

    assert book.find(old) is None


def test_of_too_many_sessions_the_one_unused_the_longest_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_MAX", 3)
    clock = ManualClock()
    book = Sessions(clock)
    keys = []
    for name in ("ann", "bob", "eve"):
        keys.append(book.start(name))
        clock.advance(1)
    book.find(keys[0])

    keys.append(book.start("zoe"))

    assert [book.peek(key) is not None for key in keys] == [True, False, True, True]


def test_an_address_may_try_again_when_its_first_try_is_a_window_old() -> None:
    clock = ManualClock()
    attempts = Attempts(clock)
    for _ in range(TRIES):
        assert attempts.wait_s("a") == 0
        attempts.failed("a")
        clock.advance(1_000)

    assert attempts.wait_s("a") == (WINDOW_MS - TRIES * 1_000) // 1000
    assert attempts.wait_s("b") == 0
    clock.advance(WINDOW_MS - TRIES * 1_000)
    assert attempts.wait_s("a") == 0


def test_all_addresses_together_wait_for_the_first_of_their_tries() -> None:
    clock = ManualClock()
    attempts = Attempts(clock)
    attempts.failed("0")
    clock.advance(60_000)
    for number in range(1, TRIES_ALL):
        attempts.failed(str(number))

    assert attempts.wait_s("new") == (WINDOW_MS - 60_000) // 1000
    clock.advance(WINDOW_MS - 60_000)
    assert attempts.wait_s("new") == 0


def test_addresses_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "ADDRESSES_MAX", 2)
    attempts = Attempts(ManualClock(), tries=1, tries_all=None)

    for address in ("a", "b", "c"):
        attempts.failed(address)

    assert [attempts.wait_s(address) > 0 for address in ("a", "b", "c")] == [False, True, True]


def test_many_addresses_with_a_try_each_are_stopped_too_where_all_are_counted() -> None:
    clock = ManualClock()
    together, each_alone = Attempts(clock), Attempts(clock, tries_all=None)
    for number in range(TRIES_ALL):
        assert together.wait_s("9.9.9.9") == 0
        for attempts in (together, each_alone):
            attempts.failed(f"10.0.0.{number}")

    assert together.wait_s("9.9.9.9") == WINDOW_MS // 1000
    assert each_alone.wait_s("9.9.9.9") == 0
