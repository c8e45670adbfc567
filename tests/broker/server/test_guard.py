"""What stands before the requests of a connection that has to log in."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from broker.handlers.handler import ListenerAddress
from broker.metrics import AuthenticationCounters
from broker.protocol.api_keys import ApiKey
from broker.security.sasl import Identity, Mechanisms, SaslRefused, Step
from broker.server.dispatcher import Peer
from broker.server.guard import Guard, Logins, NotAllowedYet
from tests.support.manual_clock import ManualClock

SESSION_MS = 60_000
SECRET = b"the password of ann"


class OneSecret:
    """A mechanism of one user and one secret; `more` asks for another token."""

    def respond(self, token: bytes) -> Step:
        if token == b"more":
            return Step(b"go on")
        if token != SECRET:
            raise SaslRefused("no")
        return Step(b"done", Identity("ann"))


class Door:
    """A guard, what it counted, and for what reason it closed."""

    def __init__(self, timeout_s: float = 60.0, failure_delay_s: float = 0.0) -> None:
        self.clock = ManualClock()
        self.counters = AuthenticationCounters()
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.peer = Peer(1, "/127.0.0.1", "User:ANONYMOUS", ListenerAddress("SASL", "h", 1))
        mechanisms = Mechanisms({"TOY": OneSecret}, self.clock, SESSION_MS)
        logins = Logins(mechanisms, 1024, timeout_s, failure_delay_s)
        self.guard = Guard(logins, self.peer, self.counters, self._close)

    def _close(self, reason: str) -> None:
        if not self.closed.done():
            self.closed.set_result(reason)

    def choose(self) -> None:
        """As SaslHandshake does it."""
        assert self.peer.authentication is not None
        self.peer.authentication.choose("TOY", raw_tokens=False)
        self.guard.answered()

    def show(self, token: bytes) -> bool:
        """As SaslAuthenticate does it; whether the client has just come in."""
        assert self.peer.authentication is not None
        try:
            self.peer.authentication.respond(token)
        except SaslRefused:
            pass
        return self.guard.answered()

    def come_in(self) -> None:
        self.choose()
        assert self.show(SECRET)


@pytest.fixture
async def door() -> Door:
    return Door()


async def test_before_the_log_in_only_what_it_needs_is_answered(door: Door) -> None:
    door.guard.check(ApiKey.API_VERSIONS)
    door.guard.check(ApiKey.SASL_HANDSHAKE)

    for api_key in (ApiKey.METADATA, ApiKey.PRODUCE, ApiKey.SASL_AUTHENTICATE):
        with pytest.raises(NotAllowedYet, match=f"api key {api_key:d} while the log-in is at: no"):
            door.guard.check(api_key)
    door.guard.end()


async def test_after_the_log_in_everything_is_answered_as_the_user(door: Door) -> None:
    door.come_in()

    door.guard.check(ApiKey.PRODUCE)

    assert door.peer.principal == "User:ann"
    assert (door.counters.successful, door.counters.failed) == (1, 0)


async def test_it_is_open_from_the_log_in_until_the_session_runs_out(door: Door) -> None:
    """Requests that the broker knows already are answered by this alone, without `check`."""
    at_first = door.guard.is_open
    door.choose()
    chosen = door.guard.is_open
    door.show(SECRET)
    inside = door.guard.is_open
    door.clock.advance(SESSION_MS)

    assert (at_first, chosen, inside, door.guard.is_open) == (False, False, True, False)


async def test_a_log_in_of_several_steps_is_in_at_the_last(door: Door) -> None:
    door.choose()

    steps = [door.show(b"more"), door.show(b"more"), door.show(SECRET)]

    assert steps == [False, False, True]


async def test_a_failed_log_in_hears_nothing_more_and_is_closed_a_moment_later(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    """The log is told at once and why: most clients close the connection themselves."""
    caplog.set_level(logging.INFO)
    door.choose()

    came_in = door.show(b"a guess")

    assert not came_in
    assert door.guard.has_failed
    assert caplog.messages == ["log-in failed peer=/127.0.0.1 mechanism=TOY reason='no'"]
    assert await asyncio.wait_for(door.closed, 10) == "log-in failed mechanism=TOY"
    assert (door.counters.successful, door.counters.failed) == (0, 1)
    assert door.peer.principal == "User:ANONYMOUS"


async def test_who_takes_too_long_is_cut_off() -> None:
    door = Door(timeout_s=0.01)
    door.choose()

    reason = await asyncio.wait_for(door.closed, 10)

    assert reason == "not authenticated within 0 s"
    assert door.counters.failed == 1


async def test_who_takes_too_long_to_renew_is_cut_off() -> None:
    door = Door(timeout_s=0.05)
    door.come_in()
    door.clock.advance(SESSION_MS // 2)
    door.choose()

    reason = await asyncio.wait_for(door.closed, 10)

    assert reason == "not authenticated within 0 s"


async def test_who_is_in_is_not_cut_off() -> None:
    door = Door(timeout_s=0.01)
    door.come_in()

    await asyncio.wait([door.closed], timeout=0.05)

    assert not door.closed.done()


async def test_a_closed_connection_is_not_closed_again() -> None:
    door = Door(timeout_s=0.01)

    door.guard.end()
    await asyncio.wait([door.closed], timeout=0.05)

    assert not door.closed.done()


async def test_a_session_that_ran_out_may_only_be_renewed(door: Door) -> None:
    door.come_in()
    door.clock.advance(SESSION_MS)

    door.guard.check(ApiKey.SASL_HANDSHAKE)
    with pytest.raises(NotAllowedYet, match="session of User:ann has expired"):
        door.guard.check(ApiKey.FETCH)
    assert door.counters.expired_connections_killed == 1

    door.come_in()
    door.guard.check(ApiKey.FETCH)
    assert door.counters.successful_again == 1


async def test_a_renewal_that_fails_is_counted_apart(door: Door) -> None:
    door.come_in()
    door.clock.advance(SESSION_MS)
    door.choose()

    door.show(b"a guess")

    assert (door.counters.failed_again, door.counters.failed) == (1, 0)
    assert await asyncio.wait_for(door.closed, 10)


@pytest.mark.parametrize("end", [lambda door: door.show(SECRET), lambda door: door.show(b"wrong")])
async def test_no_line_of_the_log_has_a_secret(
    door: Door, caplog: pytest.LogCaptureFixture, end: Callable[[Door], bool]
) -> None:
    caplog.set_level(logging.DEBUG)
    door.choose()

    end(door)

    assert SECRET.decode() not in caplog.text
    assert "wrong" not in caplog.text
    door.guard.end()
