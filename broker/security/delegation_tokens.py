"""Delegation tokens (KIP-48): a user hands out the right to act as that user, for a while.

A token is an id and its HMAC with the secret key of the broker, base64 of which is the password of
a SCRAM log-in. Nothing secret is stored: the HMAC follows from the id. Without a secret key every
request is answered with DELEGATION_TOKEN_AUTH_DISABLED.
"""

import base64
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage
from broker.metadata.records import (
    DelegationTokenRecord,
    MetadataRecord,
    RemoveDelegationTokenRecord,
)
from broker.security.credentials import (
    ITERATIONS_MIN,
    ScramCredential,
    ScramMechanism,
    keys_of,
    salted,
)

USER_TYPE = "User"


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Bounds of tokens in milliseconds, and what they are signed with (empty: no tokens)."""

    secret_key: str = field(repr=False)
    max_lifetime_ms: int
    expiry_time_ms: int


@dataclass(frozen=True, slots=True)
class TokenWish:
    """A token that is asked for; a lifetime of 0 or less: the longest allowed."""

    owner: str
    requester: str
    renewers: Sequence[str]
    lifetime_ms: int


@dataclass(frozen=True, slots=True)
class TokenLogin:
    """What a log-in by token is checked with, whose it is, and until when it holds."""

    owner: str
    credential: ScramCredential
    expires_at_ms: int


class DelegationTokens:
    """Makes, finds and checks tokens on the newest image."""

    def __init__(self, image: Callable[[], ClusterImage], settings: TokenSettings) -> None:
        self._image = image
        self._settings = settings

    @property
    def enabled(self) -> bool:
        return bool(self._settings.secret_key)

    def check_enabled(self) -> None:
        """Raise DELEGATION_TOKEN_AUTH_DISABLED when there is no secret key."""
        if not self.enabled:
            raise KafkaError(
                ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED,
                "Delegation Token feature is not enabled.",
            )

    def hmac(self, token_id: str) -> bytes:
        """What proves that one has the token."""
        return hmac.digest(self._settings.secret_key.encode(), token_id.encode(), "sha512")

    def create(
        self, wish: TokenWish, token_id: str, now_ms: int
    ) -> tuple[list[MetadataRecord], DelegationTokenRecord]:
        """Records of a new token, and the token."""
        self.check_enabled()
        if any(renewer.partition(":")[0] != USER_TYPE for renewer in wish.renewers):
            raise KafkaError(
                ErrorCode.INVALID_PRINCIPAL_TYPE, f"a renewer is not of type {USER_TYPE}"
            )
        lifetime_ms = self._settings.max_lifetime_ms
        if wish.lifetime_ms > 0:
            lifetime_ms = min(lifetime_ms, wish.lifetime_ms)
        token = DelegationTokenRecord(
            owner=wish.owner,
            requester=wish.requester,
            renewers=list(wish.renewers),
            issue_timestamp=now_ms,
            max_timestamp=now_ms + lifetime_ms,
            expiration_timestamp=now_ms + min(lifetime_ms, self._settings.expiry_time_ms),
            token_id=token_id,
        )
        return [token], token

    def renew(
        self, image: ClusterImage, proof: bytes, principal: str, period_ms: int, now_ms: int
    ) -> tuple[list[MetadataRecord], int]:
        """Records that let a token live longer, and until when (ms)."""
        token = self._renewable(image, proof, principal)
        _check_alive(token, now_ms)
        longest_ms = self._settings.expiry_time_ms
        period_ms = min(longest_ms, period_ms) if period_ms > 0 else longest_ms
        expires_ms = min(token.max_timestamp, now_ms + period_ms)
        return [replace(token, expiration_timestamp=expires_ms)], expires_ms

    def expire(
        self, image: ClusterImage, proof: bytes, principal: str, period_ms: int, now_ms: int
    ) -> tuple[list[MetadataRecord], int]:
        """Records that end a token after `period_ms`, at once when negative; until when (ms)."""
        token = self._renewable(image, proof, principal)
        if period_ms < 0:
            return [RemoveDelegationTokenRecord(token_id=token.token_id)], now_ms
        _check_alive(token, now_ms)
        expires_ms = min(token.max_timestamp, now_ms + period_ms)
        return [replace(token, expiration_timestamp=expires_ms)], expires_ms

    def of(self, principals: Iterable[str] | None) -> list[DelegationTokenRecord]:
        """The tokens that some own, asked for or may renew; None: of all."""
        tokens = self._image().tokens.values()
        if principals is None:
            return list(tokens)
        wanted = frozenset(principals)
        return [token for token in tokens if not wanted.isdisjoint(parties_to(token))]

    def expired(self, image: ClusterImage, now_ms: int) -> list[MetadataRecord]:
        """Records that remove what has run out."""
        return [
            RemoveDelegationTokenRecord(token_id=token.token_id)
            for token in image.tokens.values()
            if _is_over(token, now_ms)
        ]

    def scram(self, token_id: str, mechanism: ScramMechanism, now_ms: int) -> TokenLogin | None:
        """How to check a log-in by token; None: there is no such token, or it is too late."""
        token = self._image().tokens.get(token_id)
        if token is None or not self.enabled or _is_over(token, now_ms):
            return None
        password = base64.b64encode(self.hmac(token_id))
        salt = hmac.digest(
            self._settings.secret_key.encode(), b"salt " + token_id.encode(), "sha256"
        )
        stored_key, server_key = keys_of(
            mechanism, salted(mechanism, password, salt, ITERATIONS_MIN)
        )
        credential = ScramCredential(salt, stored_key, server_key, ITERATIONS_MIN)
        expires_at_ms = min(token.max_timestamp, token.expiration_timestamp)
        return TokenLogin(token.owner, credential, expires_at_ms)

    def _renewable(
        self, image: ClusterImage, proof: bytes, principal: str
    ) -> DelegationTokenRecord:
        """The token that `proof` is of, if this principal may renew it."""
        self.check_enabled()
        for token in image.tokens.values():
            if hmac.compare_digest(self.hmac(token.token_id), proof):
                break
        else:
            raise KafkaError(ErrorCode.DELEGATION_TOKEN_NOT_FOUND, "no token has this HMAC")
        if principal != token.owner and principal not in token.renewers:
            raise KafkaError(
                ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH,
                f"{principal} neither owns the token nor is one of its renewers",
            )
        return token


def parties_to(token: DelegationTokenRecord) -> tuple[str, ...]:
    """The principals that a token is of: its owner, who asked for it, who may renew it."""
    return token.owner, token.requester, *token.renewers


def _is_over(token: DelegationTokenRecord, now_ms: int) -> bool:
    return token.max_timestamp < now_ms or token.expiration_timestamp < now_ms


def _check_alive(token: DelegationTokenRecord, now_ms: int) -> None:
    if _is_over(token, now_ms):
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_EXPIRED, "the token has expired")
