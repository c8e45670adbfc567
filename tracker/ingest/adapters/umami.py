"""Umami's `POST /api/send`: {"type": "event", "payload": {"website", "hostname", "url", ...}}.

`website` is the site's name here (Umami's own are UUIDs: register the UUID as a site). Types
"event" and "performance" are events; "identify" is understood and not kept. Times are in seconds.
"""

from typing import Any

import msgspec

from tracker.events import PAGEVIEW, WEB_VITALS
from tracker.ingest.adapters.plausible import Vital, WireEvent, add_event
from tracker.ingest.hit import Batch, schema_violation
from tracker.ingest.outcome import Reason, Refused
from tracker.vitals import VITALS


class Payload(msgspec.Struct, gc=False):
    website: str
    url: str = "/"
    hostname: str = ""
    referrer: str | None = None
    screen: str | None = None
    language: str | None = None
    title: str | None = None
    name: str | None = None
    data: dict[str, Any] | None = None
    tag: str | None = None
    timestamp: int | None = None
    lcp: float | None = None
    inp: float | None = None
    cls: float | None = None
    fcp: float | None = None
    ttfb: float | None = None


class Sent(msgspec.Struct, gc=False):
    type: str
    payload: Payload


_sent = msgspec.json.Decoder(Sent)


def parse(body: bytes) -> Batch:
    """One event, or none for "identify"; raises Refused."""
    try:
        sent = _sent.decode(body)
    except msgspec.ValidationError as error:
        raise schema_violation(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(
            Reason.FORMAT_VIOLATION, f"the body is not JSON: {error}", step="format"
        ) from error
    batch = Batch()
    if sent.type == "identify":
        return batch
    if sent.type not in ("event", "performance"):
        raise schema_violation(
            f"type {sent.type[:50]!r} is not one of event, performance, identify"
        )
    payload = sent.payload
    vitals = {
        name: Vital(value) for name in VITALS if (value := getattr(payload, name)) is not None
    }
    props = dict(payload.data or {})
    if payload.tag:
        props["tag"] = payload.tag
    wire = WireEvent(
        name=WEB_VITALS if sent.type == "performance" else payload.name or PAGEVIEW,
        site=payload.website,
        url=_absolute(payload),
        referrer=payload.referrer,
        title=payload.title,
        screen=payload.screen,
        language=payload.language,
        ts=None if payload.timestamp is None else payload.timestamp * 1000,
        props=props or None,
        vitals=vitals or None,
    )
    add_event(batch, 0, wire)
    return batch


def _absolute(payload: Payload) -> str:
    """Umami sends the path and the host apart; some integrations send the whole address."""
    if "://" in payload.url:
        return payload.url
    slash = "" if payload.url.startswith("/") else "/"
    return f"https://{payload.hostname or payload.website}{slash}{payload.url}"
