"""Passwords as scrypt hashes, tokens as SHA-256: what is stored opens nothing.

scrypt with N=2^14, r=8, p=1 takes 16 MiB and some tens of milliseconds (RFC 7914; the cost OWASP
names as a floor). Tokens have 256 random bits, for which one SHA-256 is enough.
"""

import hashlib
import hmac
import secrets
from typing import Final

_N: Final = 2**14
_R: Final = 8
_P: Final = 1
_SALT_BYTES: Final = 16

PASSWORD_MIN: Final = 10
PASSWORD_MAX: Final = 200
TOKEN_START: Final = "ff_"


def hashed(password: str) -> str:
    """`scrypt$salt$hash`, hexadecimal."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"scrypt${salt.hex()}${_scrypt(password, salt).hex()}"


def fits(password: str, stored: str) -> bool:
    """Whether `stored` was made from this password; takes as long when it was not."""
    try:
        kind, salt, expected = stored.split("$")
        known, wanted = bytes.fromhex(salt), bytes.fromhex(expected)
    except ValueError:
        return False
    return kind == "scrypt" and hmac.compare_digest(_scrypt(password, known), wanted)


def new_token() -> str:
    return TOKEN_START + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _scrypt(password: str, salt: bytes) -> bytes:
    text = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(text, salt=salt, n=_N, r=_R, p=_P, maxmem=64 * 1024 * 1024)
