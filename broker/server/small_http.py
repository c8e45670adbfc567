"""A small HTTP/1.1 server (RFC 9112): what a port for metrics needs, and none of the rest.

A request has a head of at most HEAD_BYTES_MAX and perhaps a body whose length it tells; chunks are
refused with 411. A connection is kept for further requests, answered in their order. What is no
HTTP is answered with 400 and the connection closed. A framework for that would cost the broker a
sixth of its memory and start (docs/adr/0060).
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPMethod, HTTPStatus
from urllib.parse import parse_qsl, urlsplit

log = logging.getLogger(__name__)

HEAD_BYTES_MAX = 16 * 1024
BODY_BYTES_MAX = 1 << 20
BODY_S = 5.0  # for a body to come whole
CONNECTIONS_MAX = 1_000
_END_OF_HEAD = b"\r\n\r\n"
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rb"(%b) ([!-~]+) HTTP/1\.([01])" % _TOKEN)
_FIELD = re.compile(rb"(%b):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)" % _TOKEN)
_LENGTH = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    """Of a name that is there more than once, the last value."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "text/plain; charset=utf-8"
    allow: str = ""
    """The method that the path has, if it was asked for another."""


Handle = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """What is done for a path; what may be asked for by GET may be by HEAD, too."""

    method: HTTPMethod
    handle: Handle


@dataclass(frozen=True, slots=True)
class _Head:
    method: str
    target: str
    fields: Mapping[str, str]
    """By their names in lower case."""
    is_kept: bool
    """Whether another request may follow on the connection."""


class _Refused(Exception):
    """Not to be answered as it is; the connection ends, for nobody knows where the next begins."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.answer = Answer(f"{why}\n".encode(), status)


class HttpServer:
    """`start` it and `stop` it."""

    def __init__(self, routes: Mapping[str, Route], keep_alive_s: float) -> None:
        """`keep_alive_s`: how long a client has for the head of a request, the first included, and
        to take an answer.
        """
        self._routes = routes
        self._keep_alive_s = keep_alive_s
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen (port 0: on a free one) and return the port; OSError when it is taken."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=HEAD_BYTES_MAX)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Stop listening and close what is open."""
        if self._server is not None:
            self._server.close()
            for writer in self._open:
                writer.transport.abort()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client until it goes, is too slow, or sends what is no HTTP."""
        if len(self._open) >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            while await self._answer_next(reader, writer):
                pass
            writer.close()
            async with asyncio.timeout(self._keep_alive_s):
                await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass  # nobody is there to be told
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _answer_next(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; False when it was the last."""
        is_body_told, is_kept = True, False
        try:
            async with asyncio.timeout(self._keep_alive_s):
                head = _head(await _read_head(reader))
            is_body_told = head.method != HTTPMethod.HEAD
            answer = await self._answer(head, await _read_body(head, reader, writer))
            is_kept = head.is_kept
        except _Refused as refusal:
            answer = refusal.answer
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            raise
        except Exception:  # a bug costs one client its answer, not the broker
            log.exception("request failed")
            answer = Answer(b"", HTTPStatus.INTERNAL_SERVER_ERROR)
        writer.write(_packed(answer, is_kept=is_kept, is_body_told=is_body_told))
        async with asyncio.timeout(self._keep_alive_s):
            await writer.drain()
        return is_kept

    async def _answer(self, head: _Head, body: bytes) -> Answer:
        try:
            target = urlsplit(head.target)
            query = dict(parse_qsl(target.query, keep_blank_values=True))
        except ValueError:
            raise _Refused(HTTPStatus.BAD_REQUEST, "the target is no URL") from None
        route = self._routes.get(target.path)
        if route is None:
            return Answer(b"there is nothing here\n", HTTPStatus.NOT_FOUND)
        is_head = route.method is HTTPMethod.GET and head.method == HTTPMethod.HEAD
        if head.method != route.method and not is_head:
            why = f"ask by {route.method}\n".encode()
            return Answer(why, HTTPStatus.METHOD_NOT_ALLOWED, allow=route.method)
        return await route.handle(Request(head.method, target.path, query, body))


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    """Up to the empty line, without it."""
    try:
        return (await reader.readuntil(_END_OF_HEAD))[: -len(_END_OF_HEAD)]
    except asyncio.LimitOverrunError:
        raise _Refused(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a head has at most {HEAD_BYTES_MAX} bytes"
        ) from None


def _head(text: bytes) -> _Head:
    first, *lines = text.split(b"\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        raise _Refused(HTTPStatus.BAD_REQUEST, "the first line is no request of HTTP/1.1")
    fields: dict[str, str] = {}
    for each in lines:
        field = _FIELD.fullmatch(each)
        if field is None:
            raise _Refused(HTTPStatus.BAD_REQUEST, "a line of the head is no field")
        name, value = (part.decode("latin-1") for part in field.groups())
        known = fields.setdefault(name.lower(), value.strip(" \t"))
        if name.lower() == "content-length" and known != value.strip(" \t"):
            raise _Refused(HTTPStatus.BAD_REQUEST, "content-length is told in two ways")
    method, target, minor = (part.decode("ascii") for part in line.groups())
    is_kept = minor == "1" and fields.get("connection", "").lower() != "close"
    return _Head(method, target, fields, is_kept)


async def _read_body(
    head: _Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bytes:
    if "transfer-encoding" in head.fields:
        raise _Refused(HTTPStatus.LENGTH_REQUIRED, "tell the content-length, and send no chunks")
    told = head.fields.get("content-length", "0")
    if _LENGTH.fullmatch(told) is None:
        raise _Refused(HTTPStatus.BAD_REQUEST, "content-length is no number")
    if (length := int(told)) > BODY_BYTES_MAX:
        raise _Refused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {BODY_BYTES_MAX} bytes"
        )
    if length and head.fields.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        async with asyncio.timeout(BODY_S):
            return await reader.readexactly(length)
    except TimeoutError:
        raise _Refused(HTTPStatus.REQUEST_TIMEOUT, "the body did not come whole") from None


def _packed(answer: Answer, *, is_kept: bool, is_body_told: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
    ]
    if answer.allow:
        lines.append(f"Allow: {answer.allow}")
    if not is_kept:
        lines.append("Connection: close")
    head = "\r\n".join(lines).encode("latin-1") + _END_OF_HEAD
    return head + answer.body if is_body_told else head
