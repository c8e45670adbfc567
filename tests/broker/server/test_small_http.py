"""The HTTP server of the metrics port, byte by byte: what other clients and attackers send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPMethod

import pytest

from broker.server import small_http
from broker.server.small_http import (
    BODY_BYTES_MAX,
    HEAD_BYTES_MAX,
    Answer,
    HttpServer,
    Request,
    Route,
)


async def echo(request: Request) -> Answer:
    return Answer(repr((request.method, request.path, dict(request.query), request.body)).encode())


async def broken(_request: Request) -> Answer:
    raise ZeroDivisionError


ROUTES = {
    "/get": Route(HTTPMethod.GET, echo),
    "/post": Route(HTTPMethod.POST, echo),
    "/bug": Route(HTTPMethod.GET, broken),
}
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def serving(keep_alive_s: float = 30.0) -> AsyncIterator[int]:
    server = HttpServer(ROUTES, keep_alive_s)
    port = await server.start("127.0.0.1", 0)
    try:
        yield port
    finally:
        await server.stop()


async def answers(sent: bytes, *, more: bool = False) -> bytes:
    """All that comes back until the server closes; `more`: the client keeps its side open."""
    async with serving() as port, asyncio.timeout(50):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        if not more:
            writer.write_eof()
        told = await reader.read()
        writer.close()
    return told


async def test_requests_of_one_connection_are_answered_in_their_order() -> None:
    told = await answers(
        b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        b"GET /get?a=1&b=&a=2 HTTP/1.1\r\nHost: a\r\n\r\n"
    )

    bodies = [b"('POST', '/post', {}, b'abc')", b"('GET', '/get', {'a': '2', 'b': ''}, b'')"]
    assert told == b"".join(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        for body in bodies
    )


async def test_a_head_may_come_byte_by_byte() -> None:
    async with serving() as port, asyncio.timeout(50):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for byte in b"GET /get HTTP/1.1\r\nHost: a\r\n\r\n":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        writer.close()


@pytest.mark.parametrize(
    "head",
    [b"GET /get HTTP/1.0\r\n\r\n", b"GET /get HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n"],
)
async def test_who_wants_one_answer_is_closed_after_it(head: bytes) -> None:
    told = await answers(head + b"GET /get HTTP/1.1\r\nHost: a\r\n\r\n", more=True)

    assert told.count(b"HTTP/1.1") == 1
    assert b"\r\nConnection: close\r\n" in told


async def test_head_is_answered_like_get_without_the_body() -> None:
    told = await answers(b"HEAD /get HTTP/1.1\r\nHost: a\r\n\r\n")

    assert told.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 25\r\n" in told
    assert told.endswith(b"\r\n\r\n")


async def test_another_method_is_told_the_right_one_and_the_connection_kept() -> None:
    asked = b"DELETE /get", b"PUT /post", b"GET /none"

    told = await answers(b"".join(b"%b HTTP/1.1\r\nHost: a\r\n\r\n" % one for one in asked))

    assert [line for line in told.splitlines() if line.startswith((b"HTTP", b"Allow"))] == [
        b"HTTP/1.1 405 Method Not Allowed",
        b"Allow: GET",
        b"HTTP/1.1 405 Method Not Allowed",
        b"Allow: POST",
        b"HTTP/1.1 404 Not Found",
    ]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /get\r\n\r\n", 400),
        (b"GET /get HTTP/1.1\r\n\r\n", 400),
        (b"GET  /get HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /g\x00t HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /get HTTP/1.1\r\nHost: a\r\nno field\r\n\r\n", 400),
        (b"GET /get HTTP/1.1\r\nHost: a\r\nName : spaced\r\n\r\n", 400),
        (b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\n", 400),
        (
            b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            400,
        ),
        (b"POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (
            b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b"
            % (BODY_BYTES_MAX + 1, bytes(BODY_BYTES_MAX + 1)),
            413,
        ),
        (b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % 10**30, 400),
        (b"GET /" + b"x" * 3 * HEAD_BYTES_MAX + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
        (b"GET /get HTTP/1.1\r\nHost: a\r\nA: " + b"x" * 3 * HEAD_BYTES_MAX, 431),
        (b"GET /bug HTTP/1.1\r\nHost: a\r\n\r\n", 500),
    ],
)
async def test_what_cannot_be_answered_is_refused_and_the_connection_closed(
    sent: bytes, status: int
) -> None:
    told = await answers(sent, more=True)

    assert told.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nConnection: close\r\n" in told


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", b""),
        (b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", b"HTTP/1.1 400"),
    ],
)
async def test_who_hangs_up_in_mid_request_is_not_waited_for(sent: bytes, status: bytes) -> None:
    told = await answers(sent)

    assert told[: len(b"HTTP/1.1 400")] == status


async def test_a_client_that_asks_before_it_sends_a_body_is_told_to_go_on() -> None:
    head = b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
    async with serving() as port, asyncio.timeout(50):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        told = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"a")
        then = await reader.readline()
        writer.close()

    assert told.startswith(b"HTTP/1.1 100 ")
    assert then == b"HTTP/1.1 200 OK\r\n"


async def test_a_body_may_come_in_chunks() -> None:
    told = await answers(
        b"POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    )

    assert told.endswith(b"('POST', '/post', {}, b'abc')")


async def test_a_body_that_does_not_come_whole_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_http, "BODY_S", 0.1)

    told = await answers(
        b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", more=True
    )

    assert told.startswith(b"HTTP/1.1 408 ")


async def test_who_does_not_take_the_answers_is_closed() -> None:
    async with serving(keep_alive_s=0.3) as port, asyncio.timeout(50):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        asked = b"GET /get?" + b"x" * 8_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"
        with pytest.raises(ConnectionError):
            while True:
                writer.write(asked * 100)
                await writer.drain()
        writer.close()
        del reader


async def test_no_more_connections_than_allowed_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_http, "CONNECTIONS_MAX", 1)
    async with serving() as port, asyncio.timeout(50):
        first_reader, first = await asyncio.open_connection("127.0.0.1", port)
        first.write(b"GET /get HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await first_reader.readline() == b"HTTP/1.1 200 OK\r\n"

        second_reader, second = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await second_reader.readexactly(1)

        first.close()
        second.close()


async def test_a_stop_closes_who_is_still_there() -> None:
    async with asyncio.timeout(50):
        async with serving() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /get HTTP/1.1\r\nHost: a\r\n\r\n")
            await reader.readline()

        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1_000)
        writer.close()
