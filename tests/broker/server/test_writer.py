"""Answers with records: from file to socket, in order, whole, and bounded for slow readers."""

import asyncio
import socket
import time
from typing import Any

import pytest

from broker.durations import Part
from broker.protocol.messages.fetch import FetchRequest, FetchResponse
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.server.writer import FULL_BYTES, SENDFILE_BYTES_MIN, SocketWriter
from broker.storage.file_slice import FileSlice
from tests.broker.server.conftest import ToyServer
from tests.support.raw_client import RawClient

MEGABYTE = 1_000_000


async def fetched(client: RawClient, version: int, correlation_id: int) -> list[bytes]:
    response = await client.receive(FetchResponse, version, correlation_id)
    return [bytes(partition.records) for partition in response.responses[0].partitions]


@pytest.mark.parametrize(
    "ranges",
    [
        pytest.param([(0, 1)], id="one byte"),
        pytest.param([(7, SENDFILE_BYTES_MIN - 1)], id="just read"),
        pytest.param([(7, SENDFILE_BYTES_MIN)], id="just sent by the kernel"),
        pytest.param([(11, 2_900_000)], id="larger than the socket takes"),
        pytest.param([(0, 10), (10, 700_000), (5, 0), (1, 70_000), (9, 99)], id="mixed"),
        pytest.param([(n, 50 + n) for n in range(700)], id="more parts than one call takes"),
    ],
)
@pytest.mark.parametrize("version", [11, 12])
async def test_records_arrive_as_they_are_in_the_file(
    server: ToyServer, record_file: Any, ranges: list[tuple[int, int]], version: int
) -> None:
    server.toys.answers[1] = [FileSlice(record_file, at, length) for at, length in ranges]
    async with await server.connect() as client:
        correlation_id = client.send(FetchRequest(max_wait_ms=1), version)

        expected = [record_file.read(at, length) for at, length in ranges]
        assert await fetched(client, version, correlation_id) == expected


async def test_answers_keep_their_order_behind_a_long_one(
    server: ToyServer, record_file: Any
) -> None:
    server.toys.answers[1] = [FileSlice(record_file, 0, 2_500_000)]
    server.toys.answers[2] = [b"from memory" * 100_000]
    async with await server.connect() as client:
        long = client.send(FetchRequest(max_wait_ms=1), 12)
        memory = client.send(FetchRequest(max_wait_ms=2), 12)
        short = client.send(HeartbeatRequest(), 3)

        assert await fetched(client, 12, long) == [record_file.read(0, 2_500_000)]
        assert await fetched(client, 12, memory) == [b"from memory" * 100_000]
        assert await client.receive(HeartbeatResponse, 3, short)


async def test_a_client_that_does_not_read_gets_no_further_requests_started(
    server: ToyServer, record_file: Any
) -> None:
    count = 40
    server.toys.answers[1] = [FileSlice(record_file, 0, MEGABYTE)]
    async with await server.connect() as client:
        client._writer.transport.pause_reading()  # type: ignore[attr-defined]
        ids = [client.send(FetchRequest(max_wait_ms=1), 12) for _ in range(count)]
        await server.toys.until_started(1)
        for _ in range(500):
            await asyncio.sleep(0)

        assert len(server.toys.started) < count / 2
        told = server.metrics.request("Fetch")
        assert told.total.count < len(server.toys.started)  # the socket has not all of the others
        began_s = time.monotonic()
        while time.monotonic() < began_s + 0.02:
            await asyncio.sleep(0)

        client._writer.transport.resume_reading()  # type: ignore[attr-defined]
        expected = record_file.read(0, MEGABYTE)
        for correlation_id in ids:
            assert await fetched(client, 12, correlation_id) == [expected]
        assert told.total.count == count
        assert dict(told.quantiles(Part.RESPONSE_SEND))[0.999] >= 0.02


async def test_other_clients_are_served_beside_one_that_does_not_read(
    server: ToyServer, record_file: Any
) -> None:
    server.toys.answers[1] = [FileSlice(record_file, 0, 2_900_000)]
    async with await server.connect() as slow, await server.connect() as quick:
        for _ in range(20):
            slow.send(FetchRequest(max_wait_ms=1), 12)
        await server.toys.until_started(1)

        assert await quick.ask(HeartbeatRequest(), 3, HeartbeatResponse)


async def test_a_file_shorter_than_its_answer_ends_the_connection(
    server: ToyServer, record_file: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    server.toys.answers[1] = [FileSlice(record_file, record_file.size - 10, 20)]
    server.toys.answers[2] = [FileSlice(record_file, record_file.size - 10, 200_000)]
    for wait_ms in (1, 2):
        async with await server.connect() as client:
            client.send(FetchRequest(max_wait_ms=wait_ms), 12)

            await client.read_to_end()

    assert "record file ends 10 bytes before its answer" in caplog.text
    assert "record file ends 199990 bytes before its answer" in caplog.text


async def test_a_client_that_leaves_in_the_middle_leaves_no_descriptor(
    server: ToyServer, record_file: Any, open_descriptors: Any
) -> None:
    server.toys.answers[1] = [FileSlice(record_file, 0, 2_900_000) for _ in range(4)]
    before = open_descriptors()
    for _ in range(5):
        client = await server.connect()
        client.send(FetchRequest(max_wait_ms=1), 12)
        await client._reader.readexactly(FULL_BYTES)
        client.abort()
        await server.until_connections(0)

    async with asyncio.timeout(50):  # a thread that still sends closes its own a little later
        while (left_open := open_descriptors()) > before:
            await asyncio.sleep(0)

    assert left_open == before


async def test_small_answers_leave_at_once(server: ToyServer) -> None:
    """Without TCP_NODELAY an answer would wait for the acknowledgement of the one before."""
    async with await server.connect():
        (connection,) = server.connections._open

        taken = connection._writer._socket  # type: ignore[attr-defined]

        assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


async def test_a_lone_answer_larger_than_the_socket_takes_arrives_whole() -> None:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    ours.setblocking(False)
    loop = asyncio.get_running_loop()
    failures: list[Exception] = []
    writer = SocketWriter(loop, ours.fileno(), lambda: None, failures.append)
    answer = bytearray(bytes(range(251)) * 20_000)

    writer.write([answer])
    writer.write([bytearray(b"end")])
    received = b""
    while len(received) < len(answer) + 3:
        received += await loop.sock_recv(theirs, MEGABYTE)
    writer.close()
    ours.close()
    theirs.close()

    assert received == answer + b"end"
    assert not failures
