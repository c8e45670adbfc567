"""Stands before the requests of a connection that must log in, and counts how log-ins end.

Until a client is authenticated only what a log-in needs is answered; anything else ends the
connection. A failed log-in is told at once, and the connection closed a moment later, which makes
guessing slow.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from broker.errors import KafkaError
from broker.metrics import AuthenticationCounters
from broker.protocol.primitives import ProtocolError
from broker.security.sasl import Authentication, Mechanisms, State
from broker.server.dispatcher import Peer
from broker.sparing_log import SparingLog

log = logging.getLogger(__name__)

REASON_CHARACTERS_MAX = 200


class NotAllowedYet(ProtocolError):
    """A request that the state of the log-in does not allow."""


@dataclass(frozen=True, slots=True)
class Logins:
    """How the clients of a listener log in."""

    mechanisms: Mechanisms
    frame_bytes_max: int
    """Of requests before a client is authenticated."""
    timeout_s: float
    failure_delay_s: float
    refusals: SparingLog = field(default_factory=lambda: SparingLog(log, "log-ins failed"))


class Guard:
    """One connection's log-in."""

    def __init__(
        self,
        logins: Logins,
        peer: Peer,
        counters: AuthenticationCounters,
        close: Callable[[str], None],
    ) -> None:
        """`close` ends the connection and logs the reason."""
        self._logins = logins
        self._peer = peer
        self._counters = counters
        self._close = close
        self._loop = asyncio.get_running_loop()
        self._authentication = peer.authentication = Authentication(logins.mechanisms)
        self._seen = State.NO_MECHANISM
        self._timer = self._loop.call_later(logins.timeout_s, self._too_late)

    @property
    def has_failed(self) -> bool:
        """Nothing that the client still sends is looked at."""
        return self._seen is State.FAILED

    @property
    def expects_token(self) -> bool:
        """Whether the next frame is a bare token."""
        return self._authentication.raw_tokens

    @property
    def is_open(self) -> bool:
        """Whether the client is logged in, and its session has not expired."""
        authentication = self._authentication
        return authentication.state is State.AUTHENTICATED and not authentication.has_expired

    def check(self, api_key: int) -> None:
        """Raise NotAllowedYet when a request of this API ends the connection."""
        authentication = self._authentication
        if authentication.serves(api_key):
            return
        if authentication.state is State.AUTHENTICATED:
            self._counters.expired_connections_killed += 1
            raise NotAllowedYet(f"session of {authentication.principal} has expired")
        raise NotAllowedYet(f"api key {api_key} while the log-in is at: {authentication.state}")

    def take_token(self, token: memoryview) -> bytes | None:
        """The answer to a bare token; None when the log-in has failed, which is all it is told."""
        try:
            answer: bytes | None = self._authentication.respond(bytes(token))
        except KafkaError:
            answer = None
        return answer

    def answered(self) -> bool:
        """Take note of what the last answer has changed; whether the client has just come in."""
        authentication = self._authentication
        state = authentication.state
        if state is self._seen:
            return False
        self._seen = state
        if state is State.FAILED:
            self._failed()
        elif state is State.EXCHANGING:
            self._watch()
        if state is not State.AUTHENTICATED:
            return False
        self._timer.cancel()
        self._peer.principal = authentication.principal
        if authentication.is_again:
            self._counters.successful_again += 1
        else:
            self._counters.successful += 1
        log.debug(
            "authenticated principal=%s mechanism=%s peer=%s",
            authentication.principal,
            authentication.mechanism,
            self._peer.client_host,
        )
        return True

    def end(self) -> None:
        """The connection is closed."""
        self._timer.cancel()

    def _watch(self) -> None:
        """A log-in that is renewed has as long as the first one; the first is watched already."""
        if self._authentication.is_again:
            self._timer.cancel()
            self._timer = self._loop.call_later(self._logins.timeout_s, self._too_late)

    def _failed(self) -> None:
        if self._authentication.is_again:
            self._counters.failed_again += 1
        else:
            self._counters.failed += 1
        self._timer.cancel()
        mechanism = self._authentication.mechanism or "none"
        self._logins.refusals.tell(
            logging.INFO,
            self._loop.time(),
            "log-in failed peer=%s mechanism=%s reason=%r",
            self._peer.client_host,
            mechanism,
            self._authentication.refusal[:REASON_CHARACTERS_MAX],
        )
        reason = f"log-in failed mechanism={mechanism}"
        self._timer = self._loop.call_later(self._logins.failure_delay_s, self._close, reason)

    def _too_late(self) -> None:
        self._counters.failed += 1
        self._close(f"not authenticated within {self._logins.timeout_s:.0f} s")
