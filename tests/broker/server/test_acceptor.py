"""max.connections: who comes when there is no room waits in the backlog of the socket."""

import asyncio
import contextlib
import socket
from dataclasses import replace

import pytest

from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.server.connections import Limits
from tests.broker.server.conftest import LIMITS, ToyServer
from tests.support.raw_client import RawClient


@pytest.fixture
def limits() -> Limits:
    return replace(LIMITS, connections_max=1)


async def waiting_client(server: ToyServer) -> tuple[RawClient, int]:
    """A client that has asked, but is not accepted; and the id of what it asked."""
    client = await RawClient.connect("127.0.0.1", server.port)
    correlation_id = client.send(HeartbeatRequest(), 3)
    async with asyncio.timeout(50):
        while not server.connections.has_waiting:
            await asyncio.sleep(0)
    return client, correlation_id


async def a_moment() -> None:
    """Until the clock of the loop, which tells milliseconds in uvloop, has gone on."""
    loop = asyncio.get_running_loop()
    now_s = loop.time()
    while loop.time() <= now_s:
        await asyncio.sleep(0)


async def test_one_too_many_waits_until_another_ends(
    server: ToyServer, caplog: pytest.LogCaptureFixture
) -> None:
    first = await server.connect()
    second, asked = await waiting_client(server)
    opened = len(server.connections)

    first.close()

    assert await second.receive(HeartbeatResponse, 3, asked)
    assert opened == 1
    assert "clients wait: max_connections is reached listener=PLAINTEXT" in caplog.text
    second.close()


async def test_a_higher_bound_lets_in_who_waits(server: ToyServer) -> None:
    async with await server.connect():
        second, asked = await waiting_client(server)

        server.connections.limit(replace(LIMITS, connections_max=2))

        assert await second.receive(HeartbeatResponse, 3, asked)
        second.close()


async def test_the_bound_of_a_listener_counts_as_that_of_the_broker(server: ToyServer) -> None:
    server.connections.limit(replace(LIMITS, listener_connections_max=1))
    first = await server.connect()
    second, asked = await waiting_client(server)

    first.close()

    assert await second.receive(HeartbeatResponse, 3, asked)
    second.close()


async def test_the_time_of_waiting_is_counted(server: ToyServer) -> None:
    def waited_s() -> float:
        text = server.metrics.exposition().decode()
        start = 'footfall_kafka_accept_blocked_seconds_total{listener="PLAINTEXT"} '
        (value,) = [line for line in text.splitlines() if line.startswith(start)]
        return float(value.removeprefix(start))

    before = waited_s()
    async with await server.connect():
        second, asked = await waiting_client(server)
        while (meanwhile := waited_s()) == 0:
            await asyncio.sleep(0)
    assert await second.receive(HeartbeatResponse, 3, asked)
    after = waited_s()

    assert before == 0 < meanwhile < after == waited_s()
    second.close()


async def test_a_broker_that_stops_leaves_who_waits(server: ToyServer) -> None:
    async with await server.connect():
        second, _ = await waiting_client(server)

        await server.stop()

        assert await second.read_to_end() == b""
        second.close()


async def test_who_arrives_while_the_broker_stops_is_closed(server: ToyServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        assert server._acceptor is not None
        server._acceptor._ready()  # accepted, and not admitted before all are closed

        await server.stop()

        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.to_thread(client.recv, 1) == b""


async def test_who_went_as_it_came_leaves_no_socket(
    server: ToyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[socket.socket] = []

    async def gone(_: object, client: socket.socket) -> None:
        kept.append(client)
        raise OSError(107, "Transport endpoint is not connected")

    monkeypatch.setattr(asyncio.get_running_loop(), "connect_accepted_socket", gone)
    client = await RawClient.connect("127.0.0.1", server.port)

    assert await client.read_to_end() == b""
    assert [one.fileno() for one in kept] == [-1]
    client.close()


async def test_a_listener_that_cannot_accept_tries_again(
    server: ToyServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_descriptor_left(_: socket.socket) -> None:
        monkeypatch.undo()
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("broker.server.acceptor.RETRY_S", 0.01)
    monkeypatch.setattr(socket.socket, "accept", no_descriptor_left)

    async with await server.connect() as client:
        assert await client.ask(HeartbeatRequest(), 3, HeartbeatResponse)

    assert "cannot accept a client: [Errno 24] Too many open files" in caplog.text


async def test_who_waits_at_one_listener_comes_in_for_who_goes_at_another(
    two: tuple[ToyServer, ToyServer],
) -> None:
    first = await two[0].connect()
    second, asked = await waiting_client(two[1])

    first.close()

    assert await second.receive(HeartbeatResponse, 3, asked)
    second.close()


async def test_a_protected_listener_lets_in_and_whoever_was_silent_for_longest_goes(
    two: tuple[ToyServer, ToyServer],
) -> None:
    public, protected = two
    for server in two:
        server.connections.limit(replace(LIMITS, connections_max=2))
    protected.connections.limit(replace(LIMITS, connections_max=2, is_protected=True))
    first, second = await public.connect(), await public.connect()
    await a_moment()
    await first.ask(HeartbeatRequest(), 3, HeartbeatResponse)

    async with await protected.connect() as third:
        assert await second.read_to_end() == b""
        assert await third.ask(HeartbeatRequest(), 3, HeartbeatResponse)
        assert await first.ask(HeartbeatRequest(), 3, HeartbeatResponse)

    assert protected.metrics.connections_refused["max_connections"] == 1
    first.close()
    second.close()


async def test_a_lower_bound_closes_whoever_was_silent_for_longest(server: ToyServer) -> None:
    server.connections.limit(LIMITS)
    async with await server.connect() as first, await server.connect() as second:
        await a_moment()
        await first.ask(HeartbeatRequest(), 3, HeartbeatResponse)

        server.connections.limit(replace(LIMITS, connections_max=1))

        assert await second.read_to_end() == b""
        assert await first.ask(HeartbeatRequest(), 3, HeartbeatResponse)
