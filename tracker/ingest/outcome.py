"""How a request or an event ends: stored, dropped (understood, not counted) or refused."""

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """Every reason ingest gives: in metrics, in X-Event-Dropped and in the dead-letter topic."""

    STORED = "stored"
    BOT = "bot"  # stored too, and flagged
    BLOCKED_ADDRESS = "blocked_address"
    GPC = "gpc"
    FORMAT_VIOLATION = "format_violation"
    SCHEMA_VIOLATION = "schema_violation"
    SIZE_VIOLATION = "size_violation"
    UNKNOWN_SITE = "unknown_site"
    ENRICHMENT_FAILURE = "enrichment_failure"
    RATE_LIMITED = "rate_limited"
    UNAUTHORIZED = "unauthorized"
    MEDIA_TYPE = "media_type"
    TIMEOUT = "timeout"
    NOT_STORED = "not_stored"


STATUS = {
    Reason.FORMAT_VIOLATION: 400,
    Reason.SCHEMA_VIOLATION: 400,
    Reason.ENRICHMENT_FAILURE: 400,
    Reason.UNAUTHORIZED: 401,
    Reason.UNKNOWN_SITE: 404,
    Reason.TIMEOUT: 408,
    Reason.SIZE_VIOLATION: 413,
    Reason.MEDIA_TYPE: 415,
    Reason.RATE_LIMITED: 429,
    Reason.NOT_STORED: 503,
}
"""HTTP status of a refusal, spec of the beacon endpoint: 503 and 429 alone may be tried again."""

DEAD_LETTERED = frozenset(
    (
        Reason.FORMAT_VIOLATION,
        Reason.SCHEMA_VIOLATION,
        Reason.SIZE_VIOLATION,
        Reason.UNKNOWN_SITE,
        Reason.ENRICHMENT_FAILURE,
    )
)
"""Refusals whose body is kept in the dead-letter topic."""


class Dropped(NamedTuple):
    """Understood and not counted; the sender hears 202 and the reason."""

    reason: Reason


class Refused(Exception):
    """The sender's mistake, or ours when the reason is NOT_STORED; `step` is where it was seen."""

    def __init__(self, reason: Reason, message: str, *, step: str = "request") -> None:
        super().__init__(message)
        self.reason = reason
        self.step = step
