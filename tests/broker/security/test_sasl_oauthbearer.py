import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.security.jwt import Claims, TokenRefused
from broker.security.sasl import Identity, SaslRefused, Step
from broker.security.sasl_oauthbearer import INVALID_TOKEN, MALFORMED, OauthBearerExchange

GOOD = "good.to-ken_1~+/=="


def validate(token: str) -> Claims:
    if token == GOOD:
        return Claims("alice", 12_345)
    raise TokenRefused("the signature is wrong")


@pytest.fixture
def exchange() -> OauthBearerExchange:
    return OauthBearerExchange(validate)


@pytest.mark.parametrize(
    "first",
    [
        b"n,,\x01auth=Bearer good.to-ken_1~+/==\x01\x01",
        b"n,a=alice,\x01auth=bearer  good.to-ken_1~+/==\x01\x01",
        b"n,,\x01host=kafka\x01auth=Bearer good.to-ken_1~+/==\x01port=9092\x01\x01",
    ],
)
def test_a_good_token_is_the_whole_log_in(exchange: OauthBearerExchange, first: bytes) -> None:
    assert exchange.respond(first) == Step(b"", Identity("alice", expires_at_ms=12_345))


def test_a_bad_token_is_told_and_fails_when_the_client_has_heard(
    exchange: OauthBearerExchange,
) -> None:
    told = exchange.respond(b"n,,\x01auth=Bearer bad\x01\x01")

    assert told == Step(INVALID_TOKEN)
    with pytest.raises(SaslRefused) as refusal:
        exchange.respond(b"\x01")
    assert refusal.value.message == INVALID_TOKEN.decode()  # the reason is for the log alone
    assert refusal.value.reason == "the signature is wrong"


def test_after_a_bad_token_the_client_may_show_another(exchange: OauthBearerExchange) -> None:
    bad, good = (f"n,,\x01auth=Bearer {one}\x01\x01".encode() for one in ("bad", GOOD))

    steps = [exchange.respond(one) for one in (bad, bad, good)]

    assert steps[:2] == [Step(INVALID_TOKEN)] * 2
    assert steps[2].identity == Identity("alice", expires_at_ms=12_345)


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (b"", "not a first message"),
        (b"\x01", "not a first message"),
        (b"y,,\x01auth=Bearer good\x01\x01", "not a first message"),
        (b"n,,\x01auth=Bearer good\x01", "not a first message"),
        (b"n,,\x01auth=Bearer good\x01host=\x01\x01", "not a first message"),
        (b"n,,\x01host=x\x01\x01", "without a bearer token"),
        (b"n,,\x01auth=Basic good\x01\x01", "without a bearer token"),
    ],
)
def test_a_first_message_that_is_none_is_refused(
    exchange: OauthBearerExchange, first: bytes, reason: str
) -> None:
    with pytest.raises(SaslRefused) as refusal:
        exchange.respond(first)

    assert refusal.value.message == MALFORMED
    assert reason in refusal.value.reason


def test_who_wants_to_be_somebody_else_is_refused(exchange: OauthBearerExchange) -> None:
    with pytest.raises(SaslRefused, match=r"authorization id \(bob\) .* name \(alice\)"):
        exchange.respond(f"n,a=bob,\x01auth=Bearer {GOOD}\x01\x01".encode())


@given(st.binary())
def test_random_messages_are_refused(message: bytes) -> None:
    with pytest.raises(SaslRefused):
        OauthBearerExchange(validate).respond(message)
