"""The native format: our batch envelope and Plausible's `POST /api/event`, long names and aliases.

One event:  {"n"|"name", "u"|"url", "d"|"domain"|"site", "r"|"referrer", "p"|"props"|"m"|"meta"}
Envelope:   {"v":1, "sent_at":ms, "events":[event, ...]}
The server-side endpoint takes a JSON array or one event a line (NDJSON) as well.

Over-long names, addresses and properties are refused (the sender's mistake); an over-long title or
referrer is cut (the page's, and worth the event). The format: docs/tracking.md.
"""

import math
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from tracker.events import WEB_VITALS, Scalar
from tracker.ingest.hit import (
    EVENT_BYTES_MAX,
    METRICS_MAX,
    NAME_CHARS_MAX,
    PROP_KEY_CHARS_MAX,
    PROP_VALUE_CHARS_MAX,
    PROPS_MAX,
    SHORT_CHARS_MAX,
    TITLE_CHARS_MAX,
    URL_CHARS_MAX,
    Batch,
    Hit,
    Rejected,
    schema_violation,
)
from tracker.ingest.outcome import Reason, Refused
from tracker.vitals import VITALS

CURRENCY_CHARS = 3  # ISO 4217
DAY_MS = 24 * 60 * 60 * 1000

Props = dict[str, Any] | str | None
Amount = str | int | float


class Revenue(msgspec.Struct, gc=False):
    currency: str
    amount: Amount


class Vital(msgspec.Struct, gc=False):
    value: float


class WireEvent(msgspec.Struct, gc=False):
    """Every spelling that is understood; the first one given counts."""

    name: str | None = None
    n: str | None = None
    url: str | None = None
    u: str | None = None
    site: str | None = None
    domain: str | None = None
    d: str | None = None
    referrer: str | None = None
    r: str | None = None
    props: Props = None
    p: Props = None
    meta: Props = None
    m: Props = None
    revenue: Revenue | str | None = None
    dollar: Revenue | str | None = msgspec.field(default=None, name="$")
    interactive: bool | None = None
    i: bool | None = None
    hash_mode: bool | int | None = msgspec.field(default=None, name="hashMode")
    h: bool | int | None = None
    scroll_depth: float | None = None
    sd: float | None = None
    engagement_time_ms: float | None = None
    e: float | None = None
    id: str | None = None
    title: str | None = None
    ts: int | None = None
    seq: int | None = None
    pv: str | None = None
    screen: str | None = None
    viewport: str | None = None
    language: str | None = None
    tz: str | None = None
    vitals: dict[str, Vital] | None = None
    metrics: dict[str, float] | None = None
    ip: str | None = None  # the visitor's, for senders with a token
    user_agent: str | None = None


class Posted(WireEvent, gc=False):
    """A body is either one event or an envelope, which has `events`."""

    events: list[msgspec.Raw] | None = None
    sent_at: int | None = None


_posted = msgspec.json.Decoder(Posted)
_event = msgspec.json.Decoder(WireEvent)
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])


def parse(body: bytes, *, events_max: int) -> Batch:
    """The events of a browser's request; raises Refused when none of it can be read."""
    posted = _decode(_posted, body)
    if posted.events is not None:
        return _batch(posted.events, events_max, posted.sent_at)
    if len(body) > EVENT_BYTES_MAX:
        raise _too_large(len(body))
    batch = Batch(sent_at_ms=posted.sent_at)
    add_event(batch, 0, posted)
    return batch


def parse_server(body: bytes, *, events_max: int) -> Batch:
    """As `parse`, and a JSON array or NDJSON besides."""
    start = body.lstrip()
    if start.startswith(b"["):
        return _batch(_decode(_raw_list, body), events_max, None)
    lines = [line for line in start.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].rstrip().endswith(b"}"):
        return _batch(lines, events_max, None)
    return parse(body, events_max=events_max)


def _decode(decoder: msgspec.json.Decoder[Any], body: bytes | msgspec.Raw) -> Any:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise schema_violation(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(
            Reason.FORMAT_VIOLATION, f"the body is not JSON: {error}", step="format"
        ) from error


def _batch(items: list[Any], events_max: int, sent_at_ms: int | None) -> Batch:
    if len(items) > events_max:
        raise Refused(
            Reason.SIZE_VIOLATION, f"{len(items)} events in one request, at most {events_max}"
        )
    if not items:
        raise schema_violation("`events` is empty")
    batch = Batch(sent_at_ms=sent_at_ms)
    for index, item in enumerate(items):
        body = bytes(item)
        try:
            if len(body) > EVENT_BYTES_MAX:
                raise _too_large(len(body))
            add_event(batch, index, _decode(_event, body))
        except Refused as refusal:
            batch.rejected.append(Rejected(index, refusal, body))
    return batch


def add_event(batch: Batch, index: int, wire: WireEvent) -> None:
    """Check one event and put it into the batch; raises Refused."""
    batch.hits.append(_hit(wire, batch))
    batch.indexes.append(index)


def _hit(wire: WireEvent, batch: Batch) -> Hit:
    """The event in plain words; raises Refused."""
    name = wire.name or wire.n
    url = wire.url or wire.u
    site = wire.site or wire.domain or wire.d
    if not name or not url or not site:
        missing = "name" if not name else "url" if not url else "site"
        raise schema_violation(f"{missing} is missing")
    if len(name) > NAME_CHARS_MAX:
        raise schema_violation(f"name has {len(name)} characters, at most {NAME_CHARS_MAX}")
    if len(url) > URL_CHARS_MAX:
        raise schema_violation(f"url has {len(url)} characters, at most {URL_CHARS_MAX}")
    hit = Hit(
        name=name,
        site=site.lower(),
        url=url,
        event_id=_short(wire.id),
        referrer=_cut(wire.referrer or wire.r, URL_CHARS_MAX),
        title=_cut(wire.title, TITLE_CHARS_MAX),
        timestamp_ms=wire.ts,
        sequence=_within(wire.seq, 1 << 31),
        page_view_id=_short(wire.pv),
        screen=_short(wire.screen),
        viewport=_short(wire.viewport),
        language=_short(wire.language),
        timezone=_short(wire.tz),
        interactive=(wire.interactive if wire.i is None else wire.i) is not False,
        hash_routing=bool(wire.hash_mode or wire.h),
        engagement_ms=_within(_first(wire.engagement_time_ms, wire.e), DAY_MS),
        scroll_depth=_within(_first(wire.scroll_depth, wire.sd), 100),
        client_ip=_short(wire.ip),
        user_agent=_cut(wire.user_agent, URL_CHARS_MAX),
    )
    props = wire.props or wire.p or wire.meta or wire.m
    if props:
        hit.props = _props(props, batch)
    if revenue := wire.revenue or wire.dollar:
        hit.revenue_currency, hit.revenue_amount = _revenue(revenue)
    if wire.vitals or wire.metrics:
        hit.metrics = _metrics(wire)
    return hit


def _props(given: dict[str, Any] | str, batch: Batch) -> dict[str, Scalar] | None:
    """Scalar properties; arrays and objects are left out and counted; raises Refused."""
    if isinstance(given, str):  # Plausible's older scripts send the object as text
        try:
            given = msgspec.json.decode(given, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as error:
            raise schema_violation(f"props is not an object: {error}") from error
    if len(given) > PROPS_MAX:
        raise schema_violation(f"{len(given)} props, at most {PROPS_MAX}")
    props: dict[str, Scalar] = {}
    for key, value in given.items():
        if len(key) > PROP_KEY_CHARS_MAX:
            raise schema_violation(f"a prop's key has {len(key)} characters")
        if isinstance(value, str):
            if len(value) > PROP_VALUE_CHARS_MAX:
                raise schema_violation(f"prop {key!r} has {len(value)} characters")
        elif not isinstance(value, int | float):
            batch.props_dropped += 1
            continue
        props[key] = value
    return props or None


def _revenue(given: Revenue | str) -> tuple[str, str]:
    """(currency, amount as decimal text); raises Refused."""
    if isinstance(given, str):
        given = _decode(msgspec.json.Decoder(Revenue), given.encode())
        assert isinstance(given, Revenue)
    currency = given.currency.upper()
    if len(currency) != CURRENCY_CHARS or not currency.isascii() or not currency.isalpha():
        raise schema_violation(f"revenue.currency {given.currency[:20]!r} is not three letters")
    try:
        amount = Decimal(str(given.amount)[:SHORT_CHARS_MAX])
    except InvalidOperation as error:
        raise schema_violation("revenue.amount is not a number") from error
    if not amount.is_finite() or amount.adjusted() > CURRENCY_CHARS * 5 or amount.adjusted() < -15:
        raise schema_violation("revenue.amount is out of bounds")
    return currency, format(amount, "f")


def _metrics(wire: WireEvent) -> dict[str, float]:
    metrics = {name: vital.value for name, vital in (wire.vitals or {}).items() if name in VITALS}
    metrics.update(wire.metrics or {})
    if len(metrics) > METRICS_MAX:
        raise schema_violation(f"{len(metrics)} metrics, at most {METRICS_MAX}")
    for name, value in metrics.items():
        if len(name) > NAME_CHARS_MAX or not math.isfinite(value):
            raise schema_violation(f"metric {name[:20]!r} is out of bounds")
    if not metrics and (wire.name or wire.n) == WEB_VITALS:
        raise schema_violation("vitals are missing")
    return metrics


def _too_large(size_bytes: int) -> Refused:
    return Refused(
        Reason.SIZE_VIOLATION, f"an event of {size_bytes} bytes, at most {EVENT_BYTES_MAX}"
    )


def _first(one: float | None, other: float | None) -> float | None:
    return other if one is None else one


def _within(value: float | None, most: int) -> int | None:
    """`value` as a whole number in 0..most; None when there is none or it makes no sense."""
    return None if value is None or not 0 <= value <= most else int(value)


def _cut(text: str | None, most: int) -> str | None:
    return text[:most] if text else None


def _short(text: str | None) -> str | None:
    return text if text and len(text) <= SHORT_CHARS_MAX else None
