"""Signed tokens for OAUTHBEARER."""

import base64
import hmac
import json
import time
from typing import Any


def part(value: Any) -> str:
    """JSON in base64url, as a part of a token."""
    return encoded(json.dumps(value).encode())


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(
    secret: bytes, claims: dict[str, Any], algorithm: str = "HS256", key_id: str | None = None
) -> str:
    """A token signed with a shared secret; algorithm none: not signed."""
    header = {"alg": algorithm, "typ": "JWT"} | ({} if key_id is None else {"kid": key_id})
    signed = f"{part(header)}.{part(claims)}"
    if algorithm == "none":
        return f"{signed}."
    made = hmac.digest(secret, signed.encode(), f"sha{algorithm[2:]}")
    return f"{signed}.{encoded(made)}"


def fresh_token(secret: bytes, subject: str, lifetime_s: float = 600.0, **claims: Any) -> str:
    """A token of `subject` that ends `lifetime_s` from now."""
    now_s = time.time()
    return token(secret, {"sub": subject, "iat": now_s, "exp": now_s + lifetime_s, **claims})
