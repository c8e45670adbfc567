"""Signed JSON web tokens (RFC 7515, 7517, 7518, 7519): checks who signed, for whom, until when.

A key signs with the algorithms of its own type only, so that a public RSA key is never taken for a
shared secret. Tokens without a signature are refused unless the settings allow them by name.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

TOKEN_CHARACTERS_MAX = 65_536
SECRET_BYTES_MIN = 32  # RFC 7518 section 3.2: as long as the hash of HS256
_HMAC_HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


class TokenRefused(Exception):
    """A token that is not trusted; the message tells why, without the token."""


class KeyMissed(TokenRefused):
    """The token names a key that is not known."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"no key named {key_id[:40]!r}")
        self.key_id = key_id


@dataclass(frozen=True, slots=True)
class Claims:
    """What is taken from a token that is trusted."""

    subject: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Key:
    """Something signatures are checked with."""

    algorithms: frozenset[str]
    is_signature: Callable[[str, bytes, bytes], bool] = field(repr=False)
    """(algorithm, signed bytes, signature)."""
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What a token has to say."""

    keys: tuple[Key, ...] = ()
    issuer: str = ""
    audiences: frozenset[str] = frozenset()
    subject_claim: str = "sub"
    skew_ms: int = 30_000
    unsecured: bool = False


def shared_secret(secret: bytes) -> Key:
    """A key of the HMAC algorithms; ValueError when it is too short to be one."""
    if len(secret) < SECRET_BYTES_MIN:
        raise ValueError(f"a secret of {len(secret)} bytes is shorter than {SECRET_BYTES_MIN}")

    def is_signature(algorithm: str, signed: bytes, signature: bytes) -> bool:
        made = hmac.digest(secret, signed, _HMAC_HASHES[algorithm])
        return hmac.compare_digest(made, signature)

    return Key(frozenset(_HMAC_HASHES), is_signature)


def validate(token: str, rules: Rules, now_ms: int) -> Claims:
    """The claims of a token in compact form; TokenRefused when any of `rules` is not kept."""
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise TokenRefused(f"longer than {TOKEN_CHARACTERS_MAX} characters")
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenRefused(f"{len(parts)} parts instead of 3")
    header, body = _json(parts[0], "header"), _json(parts[1], "payload")
    _check_signature(header, f"{parts[0]}.{parts[1]}".encode(), _decoded(parts[2]), rules)
    return _checked_claims(body, rules, now_ms)


def _check_signature(
    header: Mapping[str, Any], signed: bytes, signature: bytes, rules: Rules
) -> None:
    algorithm, key_id = header.get("alg"), header.get("kid")
    if header.get("crit") is not None:
        raise TokenRefused("critical header parameters are not understood")
    if algorithm == "none" and rules.unsecured:
        if signature:
            raise TokenRefused("algorithm none with a signature")
        return
    if not isinstance(algorithm, str):
        raise TokenRefused("its algorithm (alg) is no text")
    candidates = [
        key
        for key in rules.keys
        if algorithm in key.algorithms and (None in (key_id, key.id) or key.id == key_id)
    ]
    if not candidates and isinstance(key_id, str) and all(key.id != key_id for key in rules.keys):
        raise KeyMissed(key_id)
    if not candidates:
        raise TokenRefused(f"no key for algorithm {algorithm[:20]!r}")
    if not any(key.is_signature(algorithm, signed, signature) for key in candidates):
        raise TokenRefused("the signature is wrong")


def _checked_claims(body: Mapping[str, Any], rules: Rules, now_ms: int) -> Claims:
    expires_ms = _moment_ms(body, "exp")
    if expires_ms is None:
        raise TokenRefused("no expiry (exp)")
    if expires_ms + rules.skew_ms <= now_ms:
        raise TokenRefused("it has expired")
    for claim in ("nbf", "iat"):
        moment_ms = _moment_ms(body, claim)
        if moment_ms is not None and moment_ms - rules.skew_ms > now_ms:
            raise TokenRefused(f"its {claim} is in the future")
    if rules.issuer and body.get("iss") != rules.issuer:
        raise TokenRefused("its issuer (iss) is another")
    if rules.audiences and not rules.audiences & set(_texts(body.get("aud"))):
        raise TokenRefused("it is for another audience (aud)")
    subject = body.get(rules.subject_claim)
    if not isinstance(subject, str) or not subject.strip():
        raise TokenRefused(f"no subject ({rules.subject_claim})")
    return Claims(subject, expires_ms)


def _moment_ms(body: Mapping[str, Any], claim: str) -> int | None:
    value = body.get(claim)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise TokenRefused(f"its {claim} is not a number of seconds")
    return int(value * 1000)


def _texts(value: Any) -> Iterable[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str)]


def _json(part: str, name: str) -> Mapping[str, Any]:
    try:
        value = json.loads(_decoded(part))
    except (ValueError, RecursionError) as error:
        raise TokenRefused(f"its {name} is not JSON") from error
    if not isinstance(value, dict):
        raise TokenRefused(f"its {name} is not a JSON object")
    return value


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise TokenRefused("a part is not base64url") from error
