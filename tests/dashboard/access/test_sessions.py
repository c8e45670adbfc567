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


def test_a_session_ends_when_it_was_not_used_or_is_old() -> None:
    clock = ManualClock()
    book = Sessions(clock)
    unused, used = book.start("ann"), book.start("bob")

    clock.advance(IDLE_MS)
    assert book.find(used) is not None
    clock.advance(1)
    assert book.find(unused) is None
    for _ in range(int(AGE_MS // IDLE_MS) - 1):
        clock.advance(IDLE_MS)
        found = book.find(used)
    assert found is None


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
