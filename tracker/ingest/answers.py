"""HTTP answers of the beacon endpoint, with the headers a page on another host needs."""

from typing import Any, Final

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from tracker.ingest.collector import Result
from tracker.ingest.outcome import STATUS, Reason, Refused

EXPOSED: Final = "Retry-After, X-Event-Dropped"
"""Without it a page cannot read them from another host's answer (Fetch standard, CORS)."""
COMMON: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": EXPOSED,
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Server": "footfall",
}
PREFLIGHT: Final = {
    **COMMON,
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Authorization, X-Debug-Request, X-Umami-Cache",
    "Access-Control-Max-Age": "86400",
}
PIXEL: Final = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b"
)
"""A transparent GIF of one pixel."""
JSON: Final = "application/json"

_ACCEPTED: Final = CIMultiDict({**COMMON, "Content-Type": "text/plain; charset=utf-8"})


def accepted(result: Result) -> web.Response:
    """202: acknowledged. Dropped events are understood and not counted; the header says why."""
    if not result.dropped:
        return web.Response(status=202, headers=_ACCEPTED)
    return web.Response(
        status=202,
        headers={**COMMON, "X-Event-Dropped": result.dropped[0], "X-Plausible-Dropped": "1"},
    )


def accepted_batch(result: Result) -> web.Response:
    """202 with what became of each event."""
    rejected = [{"index": one.index, "reason": one.refusal.reason} for one in result.rejected]
    return json(202, {"accepted": result.accepted, "rejected": rejected})


def refused(refusal: Refused, retry_after_seconds: int) -> web.Response:
    headers = dict(COMMON)
    if refusal.reason in (Reason.NOT_STORED, Reason.RATE_LIMITED):
        headers["Retry-After"] = str(retry_after_seconds)
    if refusal.reason is Reason.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return json(STATUS[refusal.reason], {"error": refusal.reason, "message": str(refusal)}, headers)


def pixel() -> web.Response:
    return web.Response(body=PIXEL, content_type="image/gif", headers=COMMON)


def json(status: int, content: Any, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(content),
        content_type=JSON,
        headers=COMMON if headers is None else headers,
    )


def preflight() -> web.Response:
    return web.Response(status=204, headers=PREFLIGHT)


def not_allowed(methods: str) -> web.Response:
    return json(
        405, {"error": "method", "message": f"allowed: {methods}"}, {**COMMON, "Allow": methods}
    )


def not_found() -> web.Response:
    return json(404, {"error": "path", "message": "nothing is served here"})
