import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.security.jwt import Claims, TokenRefused
from broker.security.sasl import Identity, SaslRefused, Step
from broker.security.sasl_oauthbearer import INVALID_TOKEN, OauthBearerExchange


def validate(token: str) -> Claims:
    if token == "good.to-ken_1~+/==":
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
    with pytest.raises(SaslRefused, match=r"invalid_token.*signature is wrong"):
        exchange.respond(b"\x01")


def test_after_a_bad_token_a_good_one_comes_too_late(exchange: OauthBearerExchange) -> None:
    exchange.respond(b"n,,\x01auth=Bearer bad\x01\x01")

    with pytest.raises(SaslRefused, match="invalid_token"):
        exchange.respond(b"n,,\x01auth=Bearer good.to-ken_1~+/==\x01\x01")


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (b"", "client first"),
        (b"y,,\x01auth=Bearer good\x01\x01", "client first"),
        (b"n,,\x01auth=Bearer good\x01", "client first"),
        (b"n,,\x01host=x\x01\x01", "'auth' not specified"),
        (b"n,,\x01auth=Basic good\x01\x01", "'auth' not specified"),
        (b"n,a=bob,\x01auth=Bearer good.to-ken_1~+/==\x01\x01", "authorization id"),
    ],
)
def test_a_first_message_that_is_none_is_refused(
    exchange: OauthBearerExchange, first: bytes, message: str
) -> None:
    with pytest.raises(SaslRefused, match=message):
        exchange.respond(first)


@given(st.binary())
def test_random_messages_are_refused(message: bytes) -> None:
    with pytest.raises(SaslRefused):
        OauthBearerExchange(validate).respond(message)
