"""Signed JSON web tokens (RFC 7515, 7517, 7518, 7519): checks who signed, for whom, until when.

A key signs with the algorithms of its own type only, so that a public RSA key is never taken for a
shared secret. Tokens without a signature are refused unless the settings allow them by name. What a
signed token must say is what Apache Kafka 4.2 asks for, compared token by token.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

TOKEN_CHARACTERS_MAX = 65_536
_HMAC_HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
_HASH_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
SECRET_BYTES_MIN = _HASH_BYTES["HS256"]
_BLANK = "".join(map(chr, range(33)))  # what Java's String.trim takes away


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
    scope_claim: str = "scope"
    skew_ms: int = 30_000
    unsecured: bool = False


def shared_secret(secret: bytes) -> Key:
    """A key of the HMAC algorithms, but for those whose hash is longer than it (RFC 7518, 3.2).

    ValueError when it is too short for any.
    """
    if len(secret) < SECRET_BYTES_MIN:
        raise ValueError(f"a secret of {len(secret)} bytes is shorter than {SECRET_BYTES_MIN}")

    def is_signature(algorithm: str, signed: bytes, signature: bytes) -> bool:
        made = hmac.digest(secret, signed, _HMAC_HASHES[algorithm])
        return hmac.compare_digest(made, signature)

    algorithms = (name for name, length in _HASH_BYTES.items() if length <= len(secret))
    return Key(frozenset(algorithms), is_signature)


def validate(token: str, rules: Rules, now_ms: int) -> Claims:
    """The claims of a token in compact form; TokenRefused when any of `rules` is not kept."""
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise TokenRefused(f"longer than {TOKEN_CHARACTERS_MAX} characters")
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenRefused(f"{len(parts)} parts instead of 3")
    header, body = _json(parts[0], "header"), _json(parts[1], "payload")
    _check_signature(header, f"{parts[0]}.{parts[1]}".encode(), _decoded(parts[2]), rules)
    is_signed = header.get("alg") != "none"
    expires_ms = _checked_times(body, rules, now_ms, is_signed=is_signed)
    _check_issuer_and_audience(body, rules, is_signed=is_signed)
    _check_scope(body, rules.scope_claim)
    subject = body.get(rules.subject_claim)
    if not isinstance(subject, str) or not subject.strip(_BLANK):
        raise TokenRefused(f"no subject ({rules.subject_claim})")
    return Claims(subject.strip(_BLANK), expires_ms)


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
    if any(key.is_signature(algorithm, signed, signature) for key in candidates):
        return
    if isinstance(key_id, str) and all(key.id != key_id for key in rules.keys):
        raise KeyMissed(key_id)
    if not candidates:
        raise TokenRefused(f"no key for algorithm {algorithm[:20]!r}")
    raise TokenRefused("the signature is wrong")


def _checked_times(body: Mapping[str, Any], rules: Rules, now_ms: int, *, is_signed: bool) -> int:
    """When the token ends, ms since 1970."""
    expires_ms, begins_ms, issued_ms = (_moment_ms(body, name) for name in ("exp", "nbf", "iat"))
    if expires_ms is None:
        raise TokenRefused("no expiry (exp)")
    if expires_ms + rules.skew_ms <= now_ms:
        raise TokenRefused("it has expired")
    if begins_ms is not None and begins_ms - rules.skew_ms > now_ms:
        raise TokenRefused("its nbf is in the future")
    if is_signed and (issued_ms is None or issued_ms < 0):
        raise TokenRefused("no time of issue (iat)")
    if not is_signed and issued_ms is not None and issued_ms - rules.skew_ms > now_ms:
        raise TokenRefused("its iat is in the future")
    if expires_ms < max(begins_ms or 0, issued_ms or 0):
        raise TokenRefused("it ends before it begins")
    return expires_ms


def _check_issuer_and_audience(body: Mapping[str, Any], rules: Rules, *, is_signed: bool) -> None:
    """A token that names its audience is for nobody else (RFC 7519 section 4.1.3)."""
    for claim in ("iss", "jti"):
        if not isinstance(body.get(claim), str | None):
            raise TokenRefused(f"its {claim} is no text")
    if rules.issuer and body.get("iss") != rules.issuer:
        raise TokenRefused("its issuer (iss) is another")
    named = body.get("aud")
    if not rules.audiences and (named is None or not is_signed):
        return
    audiences = _texts(named)
    if audiences is None or not rules.audiences.intersection(audiences):
        raise TokenRefused("it is for another audience (aud)")


def _check_scope(body: Mapping[str, Any], claim: str) -> None:
    """Nobody asks for scopes here; Kafka refuses blank ones all the same, as texts or in a list."""
    scopes = body.get(claim)
    if not isinstance(scopes, str | list):
        return
    texts = _texts(scopes)
    names = [""] if texts is None else [one.strip(_BLANK) for one in texts]
    if not all(names) or len(set(names)) < len(names):
        raise TokenRefused(f"its scopes ({claim}) are blank, doubled or no text")


def _moment_ms(body: Mapping[str, Any], claim: str) -> int | None:
    value = body.get(claim)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise TokenRefused(f"its {claim} is not a number of seconds")
    return int(value * 1000)


def _texts(value: Any) -> list[str] | None:
    """The texts of a claim that is one or has several; None where anything else is among them."""
    values = value if isinstance(value, list) else [value]
    return values if all(isinstance(one, str) for one in values) else None


def _json(part: str, name: str) -> Mapping[str, Any]:
    try:
        text = _decoded(part).decode()
        value = json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise TokenRefused(f"its {name} is not JSON") from error
    if not isinstance(value, dict):
        raise TokenRefused(f"its {name} is not a JSON object")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Names must be unique (RFC 7519 section 4): readers differ in which one counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise TokenRefused("a part is not base64url") from error
