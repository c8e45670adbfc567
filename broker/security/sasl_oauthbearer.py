"""SASL OAUTHBEARER (RFC 7628, KIP-255): the client shows a signed token.

client  n,[a=user],^A auth=Bearer TOKEN ^A [key=value ^A ...] ^A
server  nothing: done; or {"status":"invalid_token"}, whereupon the client sends ^A and fails, or
        another token

Why a token is refused stands in the log alone: who is not logged in is told as little as by Kafka.
"""

import re
from collections.abc import Callable

from broker.security.jwt import Claims, TokenRefused
from broker.security.sasl import Identity, SaslRefused, Step

Validate = Callable[[str], Claims]
"""Checks a token; TokenRefused when it is not to be trusted."""

MALFORMED = (
    "Authentication failed during authentication due to invalid credentials with SASL mechanism"
    " OAUTHBEARER"
)
INVALID_TOKEN = b'{"status":"invalid_token"}'
_ACKNOWLEDGED = b"\x01"
_FIRST = re.compile(
    rb"n,(?:a=(?P<authorization>[^,\x00]+))?,\x01"
    rb"(?P<pairs>(?:[A-Za-z]+=[\x21-\x7e \t\r\n]+\x01)+)\x01"
)
_BEARER = re.compile(r"(?i:bearer) +(?P<token>[-A-Za-z0-9._~+/]+=*)")


class OauthBearerExchange:
    """One log-in: a token, and others while those before were refused."""

    def __init__(self, validate: Validate) -> None:
        self._validate = validate
        self._refusal = ""

    def respond(self, token: bytes) -> Step:
        if self._refusal and token == _ACKNOWLEDGED:
            raise SaslRefused(INVALID_TOKEN.decode(), self._refusal)
        bearer, authorization = _parsed(token)
        try:
            claims = self._validate(bearer)
        except TokenRefused as error:
            self._refusal = str(error)
            return Step(INVALID_TOKEN)
        if authorization not in ("", claims.subject):
            raise SaslRefused(
                f"Authentication failed: Client requested an authorization id ({authorization})"
                f" that is different from the token's principal name ({claims.subject})"
            )
        return Step(b"", Identity(claims.subject, expires_at_ms=claims.expires_at_ms))


def _parsed(message: bytes) -> tuple[str, str]:
    """The token, and whom the client wants to be ("": whom the token names)."""
    first = _FIRST.fullmatch(message)
    if first is None:
        raise SaslRefused(MALFORMED, "not a first message of OAUTHBEARER")
    pairs = dict(
        pair.split("=", 1) for pair in first["pairs"].decode("ascii").rstrip("\x01").split("\x01")
    )
    bearer = _BEARER.fullmatch(pairs.get("auth", "").strip())
    if bearer is None:
        raise SaslRefused(MALFORMED, "a first message without a bearer token")
    return bearer["token"], (first["authorization"] or b"").decode("utf-8", "replace")
