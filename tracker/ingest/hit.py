"""What an adapter makes of a sender's own format: the same plain words for all of them."""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from tracker.events import Scalar
from tracker.ingest.outcome import Reason, Refused

NAME_CHARS_MAX: Final = 120
URL_CHARS_MAX: Final = 2_000
TITLE_CHARS_MAX: Final = 500
SHORT_CHARS_MAX: Final = 64  # screen, viewport, language, time zone, ids
PROPS_MAX: Final = 30
PROP_KEY_CHARS_MAX: Final = 300
PROP_VALUE_CHARS_MAX: Final = 2_000
METRICS_MAX: Final = 30
EVENT_BYTES_MAX: Final = 16 * 1024
BROWSER_EVENTS_MAX: Final = 50
SERVER_EVENTS_MAX: Final = 1_000


class Hit(msgspec.Struct, kw_only=True, gc=False):
    """One event as its sender told it, within bounds, not yet enriched."""

    name: str
    site: str
    url: str
    event_id: str | None = None
    referrer: str | None = None
    title: str | None = None
    timestamp_ms: int | None = None
    sequence: int | None = None
    page_view_id: str | None = None
    screen: str | None = None
    viewport: str | None = None
    language: str | None = None
    timezone: str | None = None
    props: dict[str, Scalar] | None = None
    revenue_amount: str | None = None
    revenue_currency: str | None = None
    interactive: bool = True
    hash_routing: bool = False
    engagement_ms: int | None = None
    scroll_depth: int | None = None
    metrics: dict[str, float] | None = None
    client_ip: str | None = None  # told by a sender with a token; must not reach a log or a topic
    user_agent: str | None = None


@dataclass(slots=True)
class Rejected:
    """One event of a batch that is refused while the others go on."""

    index: int
    refusal: Refused
    body: bytes


@dataclass(slots=True)
class Batch:
    """All that one request carries."""

    hits: list[Hit] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)  # of each hit in the request
    rejected: list[Rejected] = field(default_factory=list)
    sent_at_ms: int | None = None  # by the sender's clock
    props_dropped: int = 0  # arrays and objects, which props cannot hold


def schema_violation(message: str) -> Refused:
    return Refused(Reason.SCHEMA_VIOLATION, message, step="schema")
