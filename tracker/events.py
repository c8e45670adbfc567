"""The contract between ingest, the aggregators, the warehouse and anybody who reads the topic.

An `Event` is the value of topic `events` (and of `metrics`, which carries the metric fields): one
JSON object, snake_case, fields at their defaults left out (no `schema_version` means 1). The record
key is the visitor id, so that one visitor's events stand in order in one partition. There is no
field for an IP address or a full user agent: they are used for the visitor id and thrown away.
"""

from typing import Final

import msgspec

SCHEMA_VERSION: Final = 1

PAGEVIEW: Final = "pageview"
ENGAGEMENT: Final = "engagement"
WEB_VITALS: Final = "web-vitals"
NOT_FOUND: Final = "404"
ASSET: Final = "asset"
"""Names with a meaning of their own; every other name is a custom event of the site."""

TOLD_BY_ITSELF: Final = frozenset((ENGAGEMENT, WEB_VITALS))
"""Events by which the script measures: they have figures of their own, and are in no list."""

PASSIVE: Final = frozenset((ENGAGEMENT, WEB_VITALS, NOT_FOUND, ASSET))
"""Events that a visitor does not do on purpose: they prolong a visit and end no bounce."""

Scalar = str | int | float | bool


class EventError(Exception):
    """Bytes that are not an event: not JSON, a required field missing, or a wrong type."""


class Event(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    """One thing a visitor did on a site, complete: readers need no other table.

    Times are milliseconds since 1970 UTC. `None` means "not known", never "empty".
    """

    event_id: str  # unique: a repeat of the same id is the same event
    event_name: str  # "pageview", a reserved name above, or the site's own
    site_id: str
    received_at: int  # when ingest had it
    occurred_at: int  # when it happened, by the visitor's clock if that is believable
    visitor_id: str  # 16 hex digits, worth one day: see ingest/steps/identity.py
    clock_skew_ms: int = 0  # received_at minus the client's sending time
    ts_adjusted: bool = False  # the client's time was not believable, server time was taken
    session_id: str | None = None  # filled by the stream
    session_seq: int | None = None
    is_new_session: bool | None = None
    page_view_id: str | None = None
    sequence: int | None = None  # counts the events of one page view, from the beacon
    hostname: str | None = None
    pathname: str | None = None
    query: str | None = None  # without "?"
    title: str | None = None
    entry_page: str | None = None
    referrer: str | None = None
    referrer_host: str | None = None
    source: str | None = None
    medium: str | None = None
    channel: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_term: str | None = None
    utm_content: str | None = None
    click_id_type: str | None = None  # "gclid": the id itself is not kept
    country: str | None = None  # ISO 3166-1 alpha-2
    region: str | None = None
    city: str | None = None
    browser: str | None = None
    browser_version: str | None = None
    os: str | None = None
    os_version: str | None = None
    device_type: str | None = None  # desktop, mobile, tablet, tv, other
    screen: str | None = None  # "1440x900"
    viewport: str | None = None
    language: str | None = None
    timezone: str | None = None
    is_bot: bool = False
    bot_reason: str | None = None
    is_foreign_origin: bool = False  # sent by a page of a host the site does not list
    interactive: bool = True  # false: does not count as engagement of the visit
    props: dict[str, Scalar] | None = None
    revenue_amount: str | None = None  # decimal number as text, exact
    revenue_currency: str | None = None  # ISO 4217
    engagement_ms: int | None = None
    scroll_depth: int | None = None  # percent of the page
    metric_name: str | None = None  # on topic `metrics`: "lcp", "inp", "checkout_ms"
    metric_value: float | None = None
    ingest_node: str | None = None
    schema_version: int = SCHEMA_VERSION

    def key(self) -> bytes:
        """The record key: one visitor, one partition."""
        return self.visitor_id.encode()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """The value of the record."""
    return _encoder.encode(event)


def decode(value: bytes) -> Event:
    """The event in a record; fields of later versions are ignored; raises EventError."""
    try:
        return _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EventError(f"not an event: {error}") from error
