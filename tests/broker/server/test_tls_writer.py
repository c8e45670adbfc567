"""Answers through TLS: records read from their file a piece at a time, and bounded on the way."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from broker.protocol.messages.fetch import FetchRequest
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.server.tls_writer import PIECE_BYTES
from broker.server.writer import SENDFILE_BYTES_MIN
from broker.storage.file_slice import FileSlice
from tests.broker.server.test_tls import context_of, tls_server
from tests.broker.server.test_writer import fetched
from tests.support.certificates import Authority

MEGABYTE = 1_048_576


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize(
    "ranges",
    [
        pytest.param([(0, 0)], id="nothing"),
        pytest.param([(0, 1)], id="one byte"),
        pytest.param([(7, SENDFILE_BYTES_MIN - 1)], id="read at once"),
        pytest.param([(7, PIECE_BYTES)], id="one piece"),
        pytest.param([(3, PIECE_BYTES + 1)], id="a piece and a byte"),
        pytest.param([(11, 2_900_000)], id="larger than the socket takes"),
        pytest.param([(0, 10), (10, 700_000), (5, 0), (1, 70_000), (9, 99)], id="mixed"),
    ],
)
async def test_records_arrive_as_they_are_in_the_file(
    authority: Authority, record_file: Any, ranges: list[tuple[int, int]]
) -> None:
    async with tls_server(authority) as server:
        server.toys.answers[1] = [FileSlice(record_file, at, length) for at, length in ranges]
        async with await server.connect(await context_of(authority)) as client:
            correlation_id = client.send(FetchRequest(max_wait_ms=1), 12)

            expected = [record_file.read(at, length) for at, length in ranges]
            assert await fetched(client, 12, correlation_id) == expected


async def test_answers_keep_their_order_behind_a_long_one(
    authority: Authority, record_file: Any
) -> None:
    async with tls_server(authority) as server:
        server.toys.answers[1] = [FileSlice(record_file, 0, 2_500_000)]
        server.toys.answers[2] = [b"from memory" * 100_000]
        async with await server.connect(await context_of(authority)) as client:
            long = client.send(FetchRequest(max_wait_ms=1), 12)
            memory = client.send(FetchRequest(max_wait_ms=2), 12)
            short = client.send(HeartbeatRequest(), 3)

            assert await fetched(client, 12, long) == [record_file.read(0, 2_500_000)]
            assert await fetched(client, 12, memory) == [b"from memory" * 100_000]
            assert await client.receive(HeartbeatResponse, 3, short)


async def test_a_slow_reader_of_large_answers_costs_bounded_memory_and_gets_all(
    authority: Authority, record_file: Any
) -> None:
    """What is not encrypted yet lies in the file, and no further request is started."""
    count = 40
    async with tls_server(authority) as server:
        server.toys.answers[1] = [FileSlice(record_file, 0, MEGABYTE)]
        async with (
            await server.connect(await context_of(authority)) as slow,
            await server.connect(await context_of(authority)) as other,
        ):
            slow._writer.transport.pause_reading()  # type: ignore[attr-defined]
            ids = [slow.send(FetchRequest(max_wait_ms=1), 12) for _ in range(count)]
            await server.toys.until_started(1)
            assert await other.ask(HeartbeatRequest(), 3, HeartbeatResponse)
            counted = server.metrics.request("Fetch").total.count
            waiting = [name for name in server.toys.started if name.startswith("fetch")]
            held = [
                one._writer._target._unsent_bytes  # type: ignore[attr-defined]
                for one in server.connections._open
            ]
            slow._writer.transport.resume_reading()  # type: ignore[attr-defined]
            answers = [await fetched(slow, 12, number) for number in ids]

        assert counted < len(waiting) < count / 2  # the socket has not all answers to the others
        assert server.metrics.request("Fetch").total.count == count
        assert max(held) < 2 * MEGABYTE
        assert answers == [[record_file.read(0, MEGABYTE)]] * count


async def test_a_file_shorter_than_its_answer_ends_the_connection(
    authority: Authority, record_file: Any
) -> None:
    async with tls_server(authority) as server:
        server.toys.answers[1] = [FileSlice(record_file, 2_900_000, 300_000)]
        async with await server.connect(await context_of(authority)) as client:
            correlation_id = client.send(FetchRequest(max_wait_ms=1), 12)

            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await fetched(client, 12, correlation_id)


async def test_a_client_that_leaves_in_the_middle_leaves_no_descriptor(
    authority: Authority, record_file: Any, open_descriptors: Callable[[], int]
) -> None:
    async with tls_server(authority) as server:
        server.toys.answers[1] = [FileSlice(record_file, 0, 2_900_000)]
        before = open_descriptors()
        for _ in range(3):
            client = await server.connect(await context_of(authority))
            client._writer.transport.pause_reading()  # type: ignore[attr-defined]
            client.send(FetchRequest(max_wait_ms=1), 12)
            await server.toys.until_started(1)
            client.abort()
            await server.until_connections(0)
            server.toys.started.clear()

        assert open_descriptors() == before
