"""Serves the scripts of a page: read once, packed once, answered from memory."""

import gzip
import hashlib
import importlib.resources
from dataclasses import dataclass
from typing import Final

import cramjam
from aiohttp import web

DEFAULT_EVENT_PATH: Final = "/api/event"
DEFAULT_VITALS_PATH: Final = "/js/v.js"
MAX_AGE_S: Final = 3600
BROTLI_QUALITY: Final = 11


@dataclass(frozen=True, slots=True)
class Script:
    """One script in its three encodings."""

    plain: bytes
    gzip: bytes
    brotli: bytes
    etag: str


def load_beacon(event_path: str, vitals_path: str) -> Script:
    """The committed beacon; both paths are of the host that serves it."""
    source = _committed("beacon.min.js")
    return _packed(
        source.replace(DEFAULT_EVENT_PATH, event_path).replace(DEFAULT_VITALS_PATH, vitals_path)
    )


def load_vitals() -> Script:
    """The committed script of web vitals, which the beacon fetches where it is told to."""
    return _packed(_committed("vitals.min.js"))


def answer(script: Script, request: web.Request) -> web.Response:
    headers = {
        "ETag": script.etag,
        "Cache-Control": f"public, max-age={MAX_AGE_S}",
        "Vary": "Accept-Encoding",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
        "Server": "footfall",
    }
    known = {
        tag.strip().removeprefix("W/")
        for tag in request.headers.get("If-None-Match", "").split(",")
    }
    if script.etag in known or "*" in known:
        return web.Response(status=304, headers=headers)
    encodings = request.headers.get("Accept-Encoding", "")
    body = script.plain
    for name, packed in (("br", script.brotli), ("gzip", script.gzip)):
        if name in encodings:
            headers["Content-Encoding"] = name
            body = packed
            break
    return web.Response(body=body, content_type="text/javascript", charset="utf-8", headers=headers)


def _committed(name: str) -> str:
    return importlib.resources.files("tracker.beacon").joinpath(name).read_text()


def _packed(source: str) -> Script:
    plain = source.encode()
    return Script(
        plain,
        gzip.compress(plain, 9, mtime=0),
        bytes(cramjam.brotli.compress(plain, BROTLI_QUALITY)),
        f'"{hashlib.sha256(plain).hexdigest()[:16]}"',
    )
