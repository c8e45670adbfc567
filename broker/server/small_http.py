"""A small HTTP/1.1 server: what a port for metrics needs, with the bounds of an open port.

h11 reads and writes HTTP; here are sockets, times and sizes: heads and bodies are bounded, and a
connection is kept for further requests. A whole framework would cost the broker a sixth of its
memory and start (docs/adr/0060).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPMethod, HTTPStatus
from urllib.parse import parse_qsl, urlsplit

import h11

log = logging.getLogger(__name__)

HEAD_BYTES_MAX = 16 * 1024  # of an unfinished one; read at once, it may be twice as long
BODY_BYTES_MAX = 1 << 20
BODY_S = 5.0  # for a body to come whole
CONNECTIONS_MAX = 1_000


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


@dataclass(frozen=True, slots=True)
class Route:
    """What is done for a path; what may be asked for by GET may be by HEAD, too."""

    method: HTTPMethod
    handle: Callable[[Request], Awaitable[Answer]]


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
        self._server = await asyncio.start_server(self._serve, host, port)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    @property
    def listening(self) -> list[int]:
        """Descriptors of the sockets at which it listens."""
        return [one.fileno() for one in self._server.sockets] if self._server is not None else []

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
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX)
        client = _Client(http, reader, writer, self._keep_alive_s)
        try:
            while (request := await client.next_request()) is not None:
                await client.tell(await self._answer(request))
        except h11.RemoteProtocolError as refusal:
            why = f"{refusal}\n".encode()
            await client.end_with(Answer(why, HTTPStatus(refusal.error_status_hint)))
        except (ConnectionError, TimeoutError):
            pass  # nobody is there to be told
        except Exception:  # a bug costs one client its answer, not the broker
            log.exception("a request by HTTP failed")
            await client.end_with(Answer(b"", HTTPStatus.INTERNAL_SERVER_ERROR))
        finally:
            self._open.discard(writer)
            await client.close()

    async def _answer(self, request: Request) -> Answer:
        route = self._routes.get(request.path)
        if route is None:
            return Answer(b"there is nothing here\n", HTTPStatus.NOT_FOUND)
        is_head = route.method is HTTPMethod.GET and request.method == HTTPMethod.HEAD
        if request.method != route.method and not is_head:
            why = f"ask by {route.method}\n".encode()
            return Answer(why, HTTPStatus.METHOD_NOT_ALLOWED, allow=route.method)
        return await route.handle(request)


@dataclass(slots=True)
class _Client:
    http: h11.Connection
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    patience_s: float
    method: bytes = b""
    """Of the request that is to be answered."""

    async def next_request(self) -> Request | None:
        """None: no further one comes. RemoteProtocolError: it is not to be answered as it is."""
        if self.http.our_state is h11.MUST_CLOSE:
            return None
        if self.http.our_state is h11.DONE:
            self.http.start_next_cycle()
        async with asyncio.timeout(self.patience_s):
            head = await self._next_event()
        if not isinstance(head, h11.Request):
            return None
        self.method = head.method
        try:
            async with asyncio.timeout(BODY_S):
                body = await self._body()
        except TimeoutError:
            raise _refusal(HTTPStatus.REQUEST_TIMEOUT, "the body did not come whole") from None
        try:
            target = urlsplit(head.target.decode("ascii"))
            query = dict(parse_qsl(target.query, keep_blank_values=True))
        except ValueError:
            raise _refusal(HTTPStatus.BAD_REQUEST, "the target is no URL") from None
        return Request(head.method.decode("ascii"), target.path, query, body)

    async def _body(self) -> bytes:
        body = bytearray()
        while isinstance(part := await self._next_event(), h11.Data):
            body += part.data
            if len(body) > BODY_BYTES_MAX:
                why = f"a body has at most {BODY_BYTES_MAX} bytes"
                raise _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, why)
        return bytes(body)

    async def _next_event(self) -> object:
        while (event := self.http.next_event()) is h11.NEED_DATA:
            if self.http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=HTTPStatus.CONTINUE, headers=[])
                self.writer.write(self.http.send(go_on) or b"")
            self.http.receive_data(await self.reader.read(HEAD_BYTES_MAX))
        return event

    async def tell(self, answer: Answer, *, is_last: bool = False) -> None:
        headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
        if answer.allow:
            headers.append(("Allow", answer.allow))
        if is_last:
            headers.append(("Connection", "close"))
        body = b"" if self.method == b"HEAD" else answer.body
        for event in (
            h11.Response(status_code=answer.status, reason=answer.status.phrase, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.writer.write(self.http.send(event) or b"")
        async with asyncio.timeout(self.patience_s):
            await self.writer.drain()

    async def end_with(self, answer: Answer) -> None:
        """The last answer, if it is not too late for one."""
        if self.http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            try:
                await self.tell(answer, is_last=True)
            except (ConnectionError, TimeoutError):
                pass

    async def close(self) -> None:
        """Once what was said is taken, or is not in time."""
        self.writer.close()
        try:
            async with asyncio.timeout(self.patience_s):
                await self.writer.wait_closed()
        except (ConnectionError, TimeoutError):
            self.writer.transport.abort()


def _refusal(status: HTTPStatus, why: str) -> h11.RemoteProtocolError:
    return h11.RemoteProtocolError(why, error_status_hint=status)
