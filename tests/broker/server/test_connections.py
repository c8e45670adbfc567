import asyncio
from dataclasses import replace

import pytest

from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.server.connections import Limits
from tests.broker.server.conftest import LIMITS, ToyServer
from tests.support.raw_client import request_frame

FAR_AHEAD_S = 10_000.0


@pytest.fixture
def limits() -> Limits:
    return replace(LIMITS, connections_max=3, connections_per_ip_max=2, held_bytes_max=100_000)


def later(server: ToyServer) -> float:
    """A moment when every connection has been silent for longer than it may."""
    (first, *_) = server.connections._open
    return first.last_activity_s + FAR_AHEAD_S


async def test_a_connection_beyond_the_limit_of_its_address_is_closed(
    server: ToyServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with await server.connect(), await server.connect():
        async with await server.connect() as one_too_many:
            assert await one_too_many.read_to_end() == b""

        assert server.metrics.connections_refused["max_connections_per_ip"] == 1
        assert "peer=/127.0.0.1 limit=max_connections_per_ip bound=2" in caplog.text


async def test_a_closed_connection_makes_room_for_another(server: ToyServer) -> None:
    async with await server.connect():
        second = await server.connect()
        second.abort()
        await server.until_connections(1)

        async with await server.connect() as third:
            assert await third.ask(HeartbeatRequest(), 3, HeartbeatResponse)


async def test_a_flood_of_refused_connections_is_one_line_of_log(
    server: ToyServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with await server.connect(), await server.connect():
        for _ in range(20):
            async with await server.connect() as one_too_many:
                await one_too_many.read_to_end()

        assert server.metrics.connections_refused["max_connections_per_ip"] == 20
        assert caplog.text.count("connection refused") == 1


async def test_a_flood_of_clients_that_speak_no_kafka_is_bounded_in_the_log_and_counted(
    server: ToyServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A million hostile frames wrote 127,000 lines."""
    caplog.set_level("INFO")
    for _ in range(60):
        async with await server.connect() as client:
            client.send_bytes(b"\xff\xff\xff\xff")
            await client.read_to_end()
        await server.until_connections(0)

    assert server.metrics.protocol_errors == 60
    assert caplog.text.count("connection closed") == 20


async def test_a_silent_connection_is_closed_after_its_time(
    server: ToyServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with await server.connect() as client:
        await client.ask(HeartbeatRequest(), 3, HeartbeatResponse)

        server.connections.close_idle(later(server))

        assert await client.read_to_end() == b""
        assert "idle for 10000 s" in caplog.text
        assert server.metrics.connections_idle_closed == 1


async def test_a_frame_that_never_becomes_complete_does_not_keep_a_connection_open(
    server: ToyServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with await server.connect() as client:
        await client.ask(HeartbeatRequest(), 3, HeartbeatResponse)
        moment = later(server)
        client.send_bytes(request_frame(HeartbeatRequest(), 3, 9)[:-1])
        (connection,) = server.connections._open
        while not connection._reader.has_partial_frame:  # type: ignore[attr-defined]
            await asyncio.sleep(0)

        server.connections.close_idle(moment)

        assert await client.read_to_end() == b""
        assert "idle for 10000 s in the middle of a frame" in caplog.text


async def test_a_connection_whose_request_waits_is_not_idle(server: ToyServer) -> None:
    gate = server.toys.gate("parked")
    async with await server.connect() as client:
        correlation_id = client.send(HeartbeatRequest(group_id="parked"), 3)
        await server.toys.until_started(1)

        server.connections.close_idle(later(server))
        gate.set()

        assert await client.receive(HeartbeatResponse, 3, correlation_id)


async def test_a_connection_within_its_time_stays_open(server: ToyServer) -> None:
    async with await server.connect() as client:
        server.connections.close_idle(later(server) - FAR_AHEAD_S + LIMITS.idle_s_max - 1)

        assert await client.ask(HeartbeatRequest(), 3, HeartbeatResponse)


async def test_memory_of_all_requests_together_is_bounded_and_all_are_answered(
    server: ToyServer,
) -> None:
    gate = server.toys.gate("slow")
    large = HeartbeatRequest(group_id="g", member_id="m" * 30_000)
    async with await server.connect() as first, await server.connect() as second:
        ids = {}
        for client in (first, second):
            ids[client] = [client.send(HeartbeatRequest(group_id="slow"), 3)]
            ids[client] += [client.send(large, 3) for _ in range(100)]
        await server.toys.until_started(2)
        for _ in range(500):
            await asyncio.sleep(0)

        assert server.connections.held_bytes < 1_000_000

        gate.set()
        for client, correlation_ids in ids.items():
            for correlation_id in correlation_ids:
                await client.receive(HeartbeatResponse, 3, correlation_id)
        assert server.connections.held_bytes == 0


async def test_open_connections_are_counted_by_listener(server: ToyServer) -> None:
    series = (
        "kafka_server_socket_server_metrics_connection_count"
        '{listener="PLAINTEXT",networkProcessor="0"}'
    )
    async with await server.connect():
        assert f"{series} 1.0" in server.metrics.exposition().decode()

    await server.until_connections(0)
    assert f"{series} 0.0" in server.metrics.exposition().decode()
