"""From HTTP to plain values: every bound on what a request may be is checked here."""

import asyncio
import ipaddress
import zlib
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from tracker.ingest.outcome import Reason, Refused
from tracker.ingest.steps.addresses import Networks
from tracker.ingest.visit import Visit

BODY_TIMEOUT_S: Final = 10.0  # a body that comes more slowly holds a connection for nothing
HEADER_CHARS_MAX: Final = 2_000
GZIP_WBITS: Final = 31  # zlib: a gzip header and trailer are required
BROWSER_TYPES: Final = frozenset(("text/plain", "application/json", "application/octet-stream"))
SERVER_TYPES: Final = BROWSER_TYPES | {"application/x-ndjson", "application/ndjson"}
"""aiohttp reports a missing Content-Type as application/octet-stream."""


async def read_body(request: web.Request, bytes_max: int, types: frozenset[str]) -> bytes:
    """The body, unpacked; raises Refused when it is too large, too slow or of another type."""
    if request.content_type not in types:
        wanted = ", ".join(sorted(types))
        sent = f"Content-Type {request.content_type[:100]!r}"
        raise Refused(Reason.MEDIA_TYPE, f"{sent} is none of {wanted}")
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", ""):
        sent = f"Content-Encoding {encoding[:100]!r}"
        raise Refused(Reason.MEDIA_TYPE, f"{sent} is neither gzip nor identity")
    length = request.content_length
    if length is not None and length > bytes_max:
        raise _too_large(bytes_max)
    content = request.content
    if content.is_eof():  # all of it came with the headers: the usual case
        body = content.read_nowait()
    else:
        body = await _read_rest(request, bytes_max)
    if len(body) > bytes_max:
        raise _too_large(bytes_max)
    return gunzip(body, bytes_max) if encoding == "gzip" else body


async def _read_rest(request: web.Request, bytes_max: int) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > bytes_max:
                    raise _too_large(bytes_max)
    except TimeoutError as error:
        raise Refused(
            Reason.TIMEOUT, f"the body did not come within {BODY_TIMEOUT_S:g} s"
        ) from error
    except ConnectionError as error:  # nobody hears the answer; it is counted
        raise Refused(Reason.TIMEOUT, "the client went before its body had come") from error
    except web.RequestPayloadError as error:
        raise Refused(Reason.FORMAT_VIOLATION, "the body ends before its length") from error
    return bytes(body)


def gunzip(body: bytes, bytes_max: int) -> bytes:
    """Unpack, never more than `bytes_max`: a small body can unpack to gigabytes."""
    unpacker = zlib.decompressobj(GZIP_WBITS)
    try:
        unpacked = unpacker.decompress(body, bytes_max + 1)
    except zlib.error as error:
        raise Refused(Reason.FORMAT_VIOLATION, f"the body is not gzip: {error}") from error
    if len(unpacked) > bytes_max:
        raise _too_large(bytes_max)
    if not unpacker.eof or unpacker.unused_data:
        raise Refused(Reason.FORMAT_VIOLATION, "the gzip body is cut short or has a tail")
    return unpacked


def _too_large(bytes_max: int) -> Refused:
    return Refused(Reason.SIZE_VIOLATION, f"the body has more than {bytes_max} bytes")


class Visitors:
    """Makes the `Visit` of a request; believes forwarding headers of trusted proxies only."""

    def __init__(self, trusted_proxies: Sequence[str], country_header: str) -> None:
        """Raises ValueError for a proxy that is neither an address nor a network."""
        self._proxies = Networks(trusted_proxies)
        self._country_header = country_header

    def visit(self, request: web.Request, now_ms: int, *, server_side: bool = False) -> Visit:
        headers = request.headers
        peer = request.remote or ""
        client_ip, country = peer, ""
        if peer in self._proxies:
            client_ip = self._forwarded(headers.getall("X-Forwarded-For", ()), peer)
            if self._country_header:
                country = headers.get(self._country_header, "")
        return Visit(
            client_ip=plain_address(client_ip),
            user_agent=headers.get("User-Agent", "")[:HEADER_CHARS_MAX],
            received_at_ms=now_ms,
            accept_language=headers.get("Accept-Language", "")[:HEADER_CHARS_MAX],
            origin=headers.get("Origin", "")[:HEADER_CHARS_MAX],
            country=country,
            gpc=headers.get("Sec-GPC") == "1",
            server_side=server_side,
        )

    def _forwarded(self, values: Sequence[str], peer: str) -> str:
        """The last address that is not a proxy of ours: what stands before it anybody can write."""
        hops = [hop.strip() for value in values for hop in value.split(",")]
        for hop in reversed(hops):
            address = _without_port(hop)
            if not is_address(address):
                return peer
            if address not in self._proxies:
                return address
        return peer


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def plain_address(text: str) -> str:
    """Without a zone, and an IPv4 address that came over an IPv6 socket as IPv4."""
    if ":" not in text:
        return text
    address = text.partition("%")[0]
    try:
        mapped = ipaddress.IPv6Address(address).ipv4_mapped
    except ValueError:
        return text
    return str(mapped) if mapped else address


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
