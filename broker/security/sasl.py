"""SASL on one connection: who is at the other end, and until when (KIP-43, KIP-152, KIP-368).

A client chooses a mechanism (SaslHandshake), then exchanges tokens until the mechanism knows who
it is. It may do so again later on the same connection, as the same user and by the same mechanism;
when its session has run out it must. Nothing here reads a socket or a clock of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from broker.clock import Clock
from broker.errors import ErrorCode, KafkaError
from broker.protocol.api_keys import ApiKey

ANONYMOUS = "User:ANONYMOUS"
USER_PREFIX = "User:"
REAUTHENTICATION_MS_MIN = 1000
"""Sooner after a log-in a client may not log in again (Kafka: MIN_REAUTH_INTERVAL_ONE_SECOND)."""


class SaslRefused(KafkaError):
    """A log-in that failed; neither the message, which the client is told, nor the reason, which
    the log is told, names a secret.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(ErrorCode.SASL_AUTHENTICATION_FAILED, message)
        self.reason = reason or message


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a finished exchange has found."""

    user: str
    expires_at_ms: int | None = None
    """Wall clock, ms: when the proof itself runs out; None: never."""
    by_token: bool = False
    """The proof was a delegation token (KIP-48)."""


@dataclass(frozen=True, slots=True)
class Step:
    """The answer to one token; `identity` is set when it was the last."""

    answer: bytes
    identity: Identity | None = None


class Exchange(Protocol):
    """The server's half of one mechanism, for one log-in."""

    def respond(self, token: bytes) -> Step:
        """Answer the client's next token; SaslRefused when it proves nothing."""


@dataclass(frozen=True, slots=True)
class Mechanisms:
    """What a listener offers; each value begins one exchange."""

    offered: Mapping[str, Callable[[], Exchange]]
    clock: Clock
    session_ms_max: int = 0
    """connections_max_reauth_ms: longest session, 0: no bound."""
    own_session_ms_max: Mapping[str, int] = field(default_factory=dict)
    """The same of mechanisms that have a bound of their own."""

    def session_bound_ms(self, mechanism: str) -> int:
        """How long a log-in by this mechanism holds at most; 0: no bound."""
        return self.own_session_ms_max.get(mechanism, self.session_ms_max)


class State(StrEnum):
    """Where a connection stands."""

    NO_MECHANISM = "no mechanism"
    EXCHANGING = "exchanging"
    AUTHENTICATED = "authenticated"
    FAILED = "failed"


_SERVED = {
    State.NO_MECHANISM: frozenset({ApiKey.API_VERSIONS, ApiKey.SASL_HANDSHAKE}),
    State.EXCHANGING: frozenset(
        {ApiKey.SASL_AUTHENTICATE, ApiKey.API_VERSIONS, ApiKey.SASL_HANDSHAKE}
    ),
    State.FAILED: frozenset[ApiKey](),
}


class Authentication:
    """One connection's log-in; `principal` counts once the state is AUTHENTICATED."""

    def __init__(self, mechanisms: Mechanisms) -> None:
        self._mechanisms = mechanisms
        self.state = State.NO_MECHANISM
        self.principal = ANONYMOUS
        self.mechanism = ""
        self.by_token = False
        self.raw_tokens = False
        """The next frames are bare tokens: the mechanism was chosen in version 0."""
        self.is_again = False
        """The exchange that runs, or ran last, was not the first one of this connection."""
        self.session_lifetime_ms = 0
        """As clients are told; 0: no end."""
        self.refusal = ""
        """Why it failed, for the log."""
        self._exchange: Exchange | None = None
        self._since_ms = 0.0
        self._ends_ms: float | None = None

    @property
    def offered(self) -> list[str]:
        """Names of the mechanisms a client may choose from."""
        return sorted(self._mechanisms.offered)

    @property
    def has_expired(self) -> bool:
        """Whether the session of an authenticated client has run out."""
        ends_ms = self._ends_ms
        return ends_ms is not None and self._mechanisms.clock.monotonic_ms() >= ends_ms

    def serves(self, api_key: int) -> bool:
        """Whether a request of this API may be answered now; if not, the connection must end."""
        if self.state is State.AUTHENTICATED:
            return self._ends_ms is None or api_key == ApiKey.SASL_HANDSHAKE or not self.has_expired
        return api_key in _SERVED[self.state]

    def choose(self, mechanism: str, *, raw_tokens: bool) -> None:
        """Begin an exchange. KafkaError ILLEGAL_SASL_STATE: not so soon; the connection may go on.

        UNSUPPORTED_SASL_MECHANISM, SASL_AUTHENTICATION_FAILED, and ILLEGAL_SASL_STATE while an
        exchange goes on: the connection has failed.
        """
        self.expect_no_exchange()
        if self.state is State.AUTHENTICATED:
            age_ms = self._mechanisms.clock.monotonic_ms() - self._since_ms
            if age_ms < REAUTHENTICATION_MS_MIN:
                raise KafkaError(
                    ErrorCode.ILLEGAL_SASL_STATE,
                    f"authenticated {age_ms:.0f} ms ago: not again before"
                    f" {REAUTHENTICATION_MS_MIN} ms",
                )
            self.is_again = True
        begin = self._mechanisms.offered.get(mechanism)
        if begin is None:
            unsupported = f"Unsupported SASL mechanism {mechanism[:100]}"
            raise self._failed(KafkaError(ErrorCode.UNSUPPORTED_SASL_MECHANISM, unsupported))
        if self.is_again and mechanism != self.mechanism:
            changed = SaslRefused(
                f"SaslMechanism '{mechanism}' requested by client is not supported for"
                f" reauthentication of mechanism '{self.mechanism}'"
            )
            raise self._failed(changed)
        self.mechanism = mechanism
        self._exchange = begin()
        self.raw_tokens = raw_tokens
        self.state = State.EXCHANGING

    def expect_no_exchange(self) -> None:
        """ILLEGAL_SASL_STATE when a token should have come: the connection has failed."""
        if self.state is State.EXCHANGING:
            due = "a token of the log-in was due"
            raise self._failed(KafkaError(ErrorCode.ILLEGAL_SASL_STATE, due))

    def respond(self, token: bytes) -> bytes:
        """Answer a token of the client; SaslRefused: the connection has failed."""
        if self.state is not State.EXCHANGING or self._exchange is None:
            late = "SaslAuthenticate request received after successful authentication"
            raise KafkaError(ErrorCode.ILLEGAL_SASL_STATE, late)
        try:
            step = self._exchange.respond(token)
            if step.identity is not None:
                self._finish(step.identity)
        except KafkaError as refusal:
            self._failed(refusal)
            raise
        return step.answer

    def _failed(self, refusal: KafkaError) -> KafkaError:
        self.refusal = refusal.reason if isinstance(refusal, SaslRefused) else refusal.message
        self.state = State.FAILED
        self.raw_tokens = False
        self._exchange = None
        return refusal

    def _finish(self, identity: Identity) -> None:
        principal = USER_PREFIX + identity.user
        if self.is_again and principal != self.principal:
            raise SaslRefused(
                "Cannot change principals during re-authentication from"
                f" {self.principal.replace(':', '.', 1)}: {principal.replace(':', '.', 1)}"
            )
        clock = self._mechanisms.clock
        longest_ms = self._mechanisms.session_bound_ms(self.mechanism)
        bounds = [longest_ms] if longest_ms > 0 else []
        if identity.expires_at_ms is not None:
            bounds.append(identity.expires_at_ms - clock.now_ms())
        self._since_ms = clock.monotonic_ms()
        self.session_lifetime_ms = max(0, min(bounds)) if bounds else 0
        self._ends_ms = self._since_ms + self.session_lifetime_ms if bounds else None
        self.principal = principal
        self.by_token = identity.by_token
        self.raw_tokens = False
        self._exchange = None
        self.state = State.AUTHENTICATED
