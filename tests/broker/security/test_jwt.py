import hmac
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.security.jwt import Claims, KeyMissed, Rules, TokenRefused, shared_secret, validate
from tests.support.tokens import encoded, part, token

SECRET = b"0123456789abcdef0123456789abcdef"
NOW_MS = 1_700_000_000_000
NOW_S = NOW_MS // 1000
RULES = Rules(keys=(shared_secret(SECRET),))
CLAIMS: dict[str, Any] = {"sub": "alice", "exp": NOW_S + 60, "iat": NOW_S - 60}


@pytest.mark.parametrize(("algorithm", "length"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_signed_token_tells_who_and_until_when(algorithm: str, length: int) -> None:
    secret = b"x" * length
    made = token(secret, CLAIMS, algorithm)

    found = validate(made, replace(RULES, keys=(shared_secret(secret),)), NOW_MS)

    assert found == Claims("alice", NOW_MS + 60_000)


@pytest.mark.parametrize(("algorithm", "length"), [("HS384", 47), ("HS512", 63)])
def test_a_secret_signs_no_algorithm_whose_hash_is_longer(algorithm: str, length: int) -> None:
    """RFC 7518 section 3.2."""
    secret = b"x" * length
    with pytest.raises(TokenRefused, match=f"no key for algorithm '{algorithm}'"):
        validate(
            token(secret, CLAIMS, algorithm),
            replace(RULES, keys=(shared_secret(secret),)),
            NOW_MS,
        )


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"sub": "alice", "iat": NOW_S}, "no expiry"),
        ({"sub": "alice", "exp": NOW_S + 60}, "no time of issue"),
        ({**CLAIMS, "iat": -1}, "no time of issue"),
        ({**CLAIMS, "iat": NOW_S + 61}, "ends before it begins"),
        ({**CLAIMS, "nbf": NOW_S + 10, "exp": NOW_S + 9}, "ends before it begins"),
        ({**CLAIMS, "iss": 7}, "iss is no text"),
        ({**CLAIMS, "jti": ["a"]}, "jti is no text"),
        ({**CLAIMS, "aud": "web"}, "another audience"),
        ({**CLAIMS, "aud": []}, "another audience"),
        ({**CLAIMS, "scope": " "}, "scope"),
        ({**CLAIMS, "scope": ["a", " a"]}, "scope"),
        ({**CLAIMS, "scope": ["a", None]}, "scope"),
        ({**CLAIMS, "exp": NOW_S - 31}, "expired"),
        ({**CLAIMS, "exp": "soon"}, "not a number"),
        ({**CLAIMS, "exp": True}, "not a number"),
        ({**CLAIMS, "exp": 10**15}, "not a number"),
        ({**CLAIMS, "nbf": NOW_S + 31}, "nbf is in the future"),
        ({**CLAIMS, "sub": None}, "no subject"),
        ({**CLAIMS, "sub": " "}, "no subject"),
        ({**CLAIMS, "sub": 7}, "no subject"),
    ],
)
def test_a_token_that_says_too_little_is_refused(claims: dict[str, Any], message: str) -> None:
    with pytest.raises(TokenRefused, match=message):
        validate(token(SECRET, claims), RULES, NOW_MS)


@pytest.mark.parametrize(
    "claims",
    [
        {"iat": NOW_S + 59},
        {"aud": None, "iss": None, "jti": None},
        {"scope": "read  write"},
        {"scope": ["read", "write"]},
        {"scope": []},
        {"scope": 5},
        {"sub": "\talice "},
    ],
)
def test_odd_tokens_that_kafka_trusts_are_trusted(claims: dict[str, Any]) -> None:
    assert validate(token(SECRET, {**CLAIMS, **claims}), RULES, NOW_MS).subject == "alice"


@pytest.mark.parametrize(
    "payload",
    [
        b'{"sub":"alice","sub":"bob","exp":1700000060,"iat":1700000000}',
        b'{"sub":"alice","exp":1700000060,"iat":1700000000,"o":{"a":1,"a":2}}',
        b'{"sub":"alice","exp":1700000060,"iat":1700000000,"o":NaN}',
        b'\xef\xbb\xbf{"sub":"alice","exp":1700000060,"iat":1700000000}',
    ],
)
def test_json_that_readers_differ_about_is_refused(payload: bytes) -> None:
    signed = f"{part({'alg': 'HS256'})}.{encoded(payload)}"
    signature = encoded(hmac.digest(SECRET, signed.encode(), "sha256"))

    with pytest.raises(TokenRefused, match="is not JSON"):
        validate(f"{signed}.{signature}", RULES, NOW_MS)


def test_an_unknown_key_is_missed_also_where_another_has_no_name() -> None:
    """Else the keys would not be fetched again when an issuer renews them."""
    made = token(b"x" * 32, CLAIMS, key_id="new")

    with pytest.raises(KeyMissed):
        validate(made, RULES, NOW_MS)


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


@pytest.mark.parametrize(
    ("claims", "refused"),
    [({"iat": None, "aud": "web"}, ""), ({"iat": NOW_S + 31}, "iat is in the future")],
)
def test_unsigned_tokens_that_are_trusted_need_less(claims: dict[str, Any], refused: str) -> None:
    unsigned, rules = token(SECRET, {**CLAIMS, **claims}, "none"), replace(RULES, unsecured=True)

    if not refused:
        assert validate(unsigned, rules, NOW_MS).subject == "alice"
        return
    with pytest.raises(TokenRefused, match=refused):
        validate(unsigned, rules, NOW_MS)


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


def test_other_claims_may_name_the_user_and_scopes() -> None:
    rules = replace(RULES, subject_claim="client_id", scope_claim="scp")

    assert validate(token(SECRET, {**CLAIMS, "client_id": "app"}), rules, NOW_MS).subject == "app"
    with pytest.raises(TokenRefused, match="scp"):
        validate(token(SECRET, {**CLAIMS, "client_id": "app", "scp": ""}), rules, NOW_MS)


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
