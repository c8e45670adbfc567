"""SASL OAUTHBEARER (RFC 7628, KIP-255): the client shows a signed token.

client  n,[a=user],^A auth=Bearer TOKEN ^A [key=value ^A ...] ^A
server  nothing: done; or {"status":"invalid_token"}, whereupon the client sends ^A and fails
"""

import re
from collections.abc import Callable

from broker.security.jwt import Claims, TokenRefused
from broker.security.sasl import Identity, SaslRefused, Step

Validate = Callable[[str], Claims]
"""Checks a token; TokenRefused when it is not to be trusted."""

INVALID_TOKEN = b'{"status":"invalid_token"}'
_ACKNOWLEDGED = b"\x01"
_FIRST = re.compile(
    rb"n,(?:a=(?P<authorization>[^,\x00]+))?,\x01"
    rb"(?P<pairs>(?:[A-Za-z]+=[\x21-\x7e \t\r\n]*\x01)+)\x01"
)
_BEARER = re.compile(r"(?i:bearer) +(?P<token>[-A-Za-z0-9._~+/]+=*)")


class OauthBearerExchange:
    """One log-in: one token, or two when the first is refused."""

    def __init__(self, validate: Validate) -> None:
        self._validate = validate
        self._refusal = ""

    def respond(self, token: bytes) -> Step:
        if self._refusal:
            raise SaslRefused(self._refusal)
        first = _FIRST.fullmatch(token)
        if first is None:
            raise SaslRefused("Invalid OAUTHBEARER client first message")
        pairs = dict(
            pair.split("=", 1)
            for pair in first["pairs"].decode("ascii").rstrip("\x01").split("\x01")
        )
        bearer = _BEARER.fullmatch(pairs.get("auth", "").strip())
        if bearer is None:
            raise SaslRefused("Invalid OAUTHBEARER client first message: 'auth' not specified")
        try:
            claims = self._validate(bearer["token"])
        except TokenRefused as error:
            self._refusal = f"{INVALID_TOKEN.decode()}: {error}"
            return Step(INVALID_TOKEN)
        authorization = (first["authorization"] or b"").decode("utf-8", "replace")
        if authorization not in ("", claims.subject):
            raise SaslRefused(
                "Authentication failed: Client requested an authorization id that is different"
                " from the token's principal name"
            )
        return Step(b"", Identity(claims.subject, expires_at_ms=claims.expires_at_ms))
