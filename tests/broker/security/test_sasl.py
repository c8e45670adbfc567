import pytest

from broker.errors import ErrorCode, KafkaError
from broker.protocol.api_keys import ApiKey
from broker.security.sasl import (
    REAUTHENTICATION_MS_MIN,
    Authentication,
    Exchange,
    Identity,
    Mechanisms,
    SaslRefused,
    State,
    Step,
)
from tests.support.manual_clock import ManualClock

TOKENS = {
    b"alice": Identity("alice"),
    b"bob": Identity("bob"),
}


class Toy:
    """Knows two users by name; `more` asks for another token."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def respond(self, token: bytes) -> Step:
        if token == b"more":
            return Step(b"go on")
        if token.startswith(b"until "):
            expires_at_ms = self._clock.now_ms() + int(token[6:])
            return Step(b"done", Identity("alice", expires_at_ms=expires_at_ms))
        if token not in TOKENS:
            raise SaslRefused("no")
        return Step(b"done", TOKENS[token])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def authentication(clock: ManualClock, session_ms_max: int = 0) -> Authentication:
    def toy() -> Exchange:
        return Toy(clock)

    return Authentication(Mechanisms({"TOY": toy, "OTHER": toy}, clock, session_ms_max))


def log_in(one: Authentication, token: bytes = b"alice", mechanism: str = "TOY") -> None:
    one.choose(mechanism, raw_tokens=False)
    one.respond(token)


def test_a_client_is_nobody_until_its_last_token(clock: ManualClock) -> None:
    one = authentication(clock)
    one.choose("TOY", raw_tokens=False)

    answers = [one.respond(b"more"), one.principal, one.respond(b"alice"), one.principal]

    assert answers == [b"go on", "User:ANONYMOUS", b"done", "User:alice"]


def test_each_state_serves_only_what_a_log_in_needs(clock: ManualClock) -> None:
    one = authentication(clock)
    served = {}
    for state in ("fresh", "chosen", "in"):
        served[state] = {key for key in ApiKey if one.serves(key)}
        if state == "fresh":
            one.choose("TOY", raw_tokens=False)
        else:
            one.respond(b"alice") if state == "chosen" else None

    assert served["fresh"] == {ApiKey.API_VERSIONS, ApiKey.SASL_HANDSHAKE}
    # The others are told, before the connection ends, that a token was due.
    assert served["chosen"] == served["fresh"] | {ApiKey.SASL_AUTHENTICATE}
    assert served["in"] == set(ApiKey)


def test_after_a_failure_nothing_is_served(clock: ManualClock) -> None:
    one = authentication(clock)
    one.choose("TOY", raw_tokens=True)

    with pytest.raises(SaslRefused):
        one.respond(b"mallory")

    assert one.state is State.FAILED
    assert not one.raw_tokens
    assert not any(one.serves(key) for key in ApiKey)
    with pytest.raises(KafkaError):
        one.respond(b"alice")


def test_an_unknown_mechanism_is_a_failure(clock: ManualClock) -> None:
    one = authentication(clock)

    with pytest.raises(KafkaError) as refused:
        one.choose("GSSAPI", raw_tokens=False)

    assert refused.value.code is ErrorCode.UNSUPPORTED_SASL_MECHANISM
    assert one.state is State.FAILED
    assert one.offered == ["OTHER", "TOY"]


def test_a_session_without_bounds_has_no_end(clock: ManualClock) -> None:
    one = authentication(clock)
    log_in(one)

    clock.advance(10**12)

    assert one.session_lifetime_ms == 0
    assert not one.has_expired


@pytest.mark.parametrize(
    ("token", "session_ms_max", "lifetime_ms"),
    [
        (b"alice", 5000, 5000),
        (b"until 3000", 5000, 3000),
        (b"until 9000", 5000, 5000),
        (b"until 7000", 0, 7000),
    ],
)
def test_a_session_lasts_as_long_as_its_proof_and_the_settings_allow(
    clock: ManualClock, token: bytes, session_ms_max: int, lifetime_ms: int
) -> None:
    one = authentication(clock, session_ms_max)
    log_in(one, token)

    assert one.session_lifetime_ms == lifetime_ms
    clock.advance(lifetime_ms - 1)
    assert one.serves(ApiKey.FETCH)
    clock.advance(1)
    assert {key for key in ApiKey if one.serves(key)} == {ApiKey.SASL_HANDSHAKE}


def test_a_jump_of_the_wall_clock_ends_no_session(clock: ManualClock) -> None:
    one = authentication(clock, 5000)
    log_in(one)

    clock.jump(10**9)

    assert one.serves(ApiKey.FETCH)


def test_a_session_is_renewed_on_the_same_connection(clock: ManualClock) -> None:
    one = authentication(clock, 5000)
    log_in(one)
    clock.advance(6000)

    log_in(one)

    assert one.serves(ApiKey.FETCH)
    assert one.is_again


def test_a_session_is_not_renewed_at_once(clock: ManualClock) -> None:
    one = authentication(clock)
    log_in(one)
    clock.advance(REAUTHENTICATION_MS_MIN - 1)

    with pytest.raises(KafkaError) as refused:
        one.choose("TOY", raw_tokens=False)

    assert refused.value.code is ErrorCode.ILLEGAL_SASL_STATE
    assert one.serves(ApiKey.FETCH)


def test_a_renewal_cannot_change_who_one_is(clock: ManualClock) -> None:
    one = authentication(clock)
    log_in(one)
    clock.advance(REAUTHENTICATION_MS_MIN)

    with pytest.raises(SaslRefused, match=r"from User\.alice: User\.bob"):
        log_in(one, b"bob")

    assert one.state is State.FAILED
    assert one.principal == "User:alice"


def test_a_renewal_cannot_change_the_mechanism(clock: ManualClock) -> None:
    one = authentication(clock)
    log_in(one)
    clock.advance(REAUTHENTICATION_MS_MIN)

    with pytest.raises(SaslRefused, match="not supported for reauthentication of mechanism 'TOY'"):
        one.choose("OTHER", raw_tokens=False)

    assert one.state is State.FAILED


def test_a_token_after_the_log_in_is_out_of_place(clock: ManualClock) -> None:
    one = authentication(clock)
    log_in(one)

    with pytest.raises(KafkaError, match="received after successful authentication") as refused:
        one.respond(b"alice")

    assert refused.value.code is ErrorCode.ILLEGAL_SASL_STATE
    assert one.serves(ApiKey.FETCH)
