from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.security.jwt import Claims, Rules, TokenRefused, shared_secret, validate
from tests.support.tokens import encoded, part, token

SECRET = b"0123456789abcdef0123456789abcdef"
NOW_MS = 1_700_000_000_000
NOW_S = NOW_MS // 1000
RULES = Rules(keys=(shared_secret(SECRET),))
CLAIMS: dict[str, Any] = {"sub": "alice", "exp": NOW_S + 60}


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_signed_token_tells_who_and_until_when(algorithm: str) -> None:
    made = token(SECRET, CLAIMS, algorithm)

    assert validate(made, RULES, NOW_MS) == Claims("alice", NOW_MS + 60_000)


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"sub": "alice"}, "no expiry"),
        ({**CLAIMS, "exp": NOW_S - 31}, "expired"),
        ({**CLAIMS, "exp": "soon"}, "not a number"),
        ({**CLAIMS, "exp": True}, "not a number"),
        ({**CLAIMS, "exp": float("inf")}, "not a number"),
        ({**CLAIMS, "nbf": NOW_S + 31}, "nbf is in the future"),
        ({**CLAIMS, "iat": NOW_S + 31}, "iat is in the future"),
        ({"exp": NOW_S + 60}, "no subject"),
        ({**CLAIMS, "sub": " "}, "no subject"),
        ({**CLAIMS, "sub": 7}, "no subject"),
    ],
)
def test_a_token_that_says_too_little_is_refused(claims: dict[str, Any], message: str) -> None:
    with pytest.raises(TokenRefused, match=message):
        validate(token(SECRET, claims), RULES, NOW_MS)


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
def test_clocks_may_differ_by_the_skew(claim: str) -> None:
    moment_s = NOW_S - 29 if claim == "exp" else NOW_S + 29

    assert validate(token(SECRET, {**CLAIMS, claim: moment_s}), RULES, NOW_MS).subject == "alice"


def test_a_wrong_signature_is_refused() -> None:
    with pytest.raises(TokenRefused, match="signature is wrong"):
        validate(token(b"x" * 32, CLAIMS), RULES, NOW_MS)


def test_a_token_without_signature_is_refused_by_default() -> None:
    unsigned = token(SECRET, CLAIMS, "none")

    with pytest.raises(TokenRefused, match="no key for algorithm 'none'"):
        validate(unsigned, RULES, NOW_MS)

    assert validate(unsigned, replace(RULES, unsecured=True), NOW_MS).subject == "alice"


def test_where_unsigned_tokens_are_trusted_a_wrong_signature_still_is_not() -> None:
    with pytest.raises(TokenRefused):
        validate(token(b"x" * 32, CLAIMS), replace(RULES, unsecured=True), NOW_MS)


@pytest.mark.parametrize(
    ("claims", "refused"),
    [
        ({"iss": "us", "aud": "kafka"}, ""),
        ({"iss": "us", "aud": ["web", "kafka"]}, ""),
        ({"iss": "them", "aud": "kafka"}, "issuer"),
        ({"aud": "kafka"}, "issuer"),
        ({"iss": "us", "aud": "web"}, "audience"),
        ({"iss": "us", "aud": {"kafka": 1}}, "audience"),
        ({"iss": "us"}, "audience"),
    ],
)
def test_issuer_and_audience_are_kept_when_they_are_asked_for(
    claims: dict[str, Any], refused: str
) -> None:
    rules = replace(RULES, issuer="us", audiences=frozenset({"kafka"}))
    made = token(SECRET, {**CLAIMS, **claims})

    if not refused:
        assert validate(made, rules, NOW_MS).subject == "alice"
        return
    with pytest.raises(TokenRefused, match=refused):
        validate(made, rules, NOW_MS)


def test_another_claim_may_name_the_user() -> None:
    rules = replace(RULES, subject_claim="client_id")

    assert validate(token(SECRET, {**CLAIMS, "client_id": "app"}), rules, NOW_MS).subject == "app"


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("", "1 parts"),
        ("a.b.c.d", "4 parts"),
        ("!.e30.e30", "base64url"),
        (f"{encoded(b'[]')}.e30.e30", "not a JSON object"),
        (f"{encoded(b'{')}.e30.e30", "not JSON"),
        (f"{encoded(b'[' * 9000)}.e30.e30", "not JSON"),
        (f"{part({'alg': ['HS256']})}.e30.e30", "is no text"),
        (f"{part({'alg': 'HS256', 'crit': ['x']})}.e30.e30", "critical"),
        ("a" * 70_000, "longer than"),
    ],
)
def test_what_is_no_token_is_refused(made: str, message: str) -> None:
    with pytest.raises(TokenRefused, match=message):
        validate(made, RULES, NOW_MS)


@given(st.text(st.characters(max_codepoint=127)))
def test_random_text_is_refused(text: str) -> None:
    with pytest.raises(TokenRefused):
        validate(text, RULES, NOW_MS)


def test_a_short_secret_is_none() -> None:
    with pytest.raises(ValueError, match="shorter than 32"):
        shared_secret(b"short")
