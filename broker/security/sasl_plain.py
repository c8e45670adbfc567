"""SASL PLAIN (RFC 4616): the client sends its password; only to be offered over TLS.

token = [authorization id] NUL user NUL password          (UTF-8, no part holds a NUL)
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable

from broker.security.sasl import Identity, SaslRefused, Step


class PlainUsers:
    """Users and what their passwords are checked with; the passwords themselves are not kept."""

    def __init__(self, users: Iterable[tuple[str, str]]) -> None:
        self._key = secrets.token_bytes(32)
        self._proofs = {user: self._proof(password) for user, password in users}
        self._nobody = secrets.token_bytes(32)

    def is_right(self, user: str, password: str) -> bool:
        """Whether this is the user's password; takes as long for users that do not exist."""
        wanted = self._proofs.get(user, self._nobody)
        return hmac.compare_digest(self._proof(password), wanted)

    def _proof(self, password: str) -> bytes:
        return hmac.digest(self._key, password.encode(), hashlib.sha256)


class PlainExchange:
    """One log-in: a single token."""

    def __init__(self, users: PlainUsers) -> None:
        self._users = users

    def respond(self, token: bytes) -> Step:
        try:
            parts = token.decode().split("\0")
        except UnicodeDecodeError as error:
            raise SaslRefused("Invalid SASL/PLAIN response: it is not UTF-8") from error
        if len(parts) != 3:
            raise SaslRefused(
                f"Invalid SASL/PLAIN response: expected 3 tokens, got {min(len(parts), 99)}"
            )
        authorization_id, user, password = parts
        if not user:
            raise SaslRefused("Authentication failed: username not specified")
        if not password:
            raise SaslRefused("Authentication failed: password not specified")
        if not self._users.is_right(user, password):
            raise SaslRefused("Authentication failed: Invalid username or password")
        if authorization_id not in ("", user):
            raise SaslRefused(
                "Authentication failed: Client requested an authorization id that is different"
                " from username"
            )
        return Step(b"", Identity(user))


def users_of(text: str) -> list[tuple[str, str]]:
    """Users and passwords of a file of `user:password` lines; `#` begins a line that is a comment.

    ValueError names the line that is none of these, or a user who stands there twice.
    """
    users: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        user, colon, password = line.partition(":")
        if not (user and colon and password) or "\0" in line:
            raise ValueError(f"line {number} is not user:password")
        if user in users:
            raise ValueError(f"line {number} names user {user!r} a second time")
        users[user] = password
    return list(users.items())
