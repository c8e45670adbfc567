"""Streams of clients that take nothing end: their place is for somebody else."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dashboard import stream
from dashboard.state import State
from tests.support.made_cluster import MadeCluster, MadePartition
from tracker.topics import TopicPartition

pytestmark = pytest.mark.may_block

SMALL = 4_096
"""Bytes that the kernel keeps for a connection: a stream waits soon."""
TURN = 200
"""Records of one turn of a tail; topics of a page."""
USERS = TopicPartition("users", 0)


@pytest.fixture
def cluster() -> MadeCluster:
    """More topics and records than fit on the way to a client."""
    made = MadeCluster()
    for number in range(TURN):
        made.add_topic(f"{'t' * 240}{number}", MadePartition(end=1))
    made.add_topic("users", MadePartition(end=0))
    for offset in range(TURN):
        made.values[USERS, offset] = replace(made._some(USERS, offset), value=b"v" * 2_000)
    return made


def narrow(host: str, port: int, family: socket.AddressFamily) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)  # its connections have the same
    made.bind((host, port))
    return made


@pytest.fixture
async def server(application: web.Application, state: State) -> AsyncIterator[TestServer]:
    await state.poller(None).look()
    made = TestServer(application, socket_factory=narrow)
    await made.start_server(shutdown_timeout=0.2)
    yield made
    await made.close()


async def asked(server: TestServer, client: socket.socket, address: str, first: bytes) -> None:
    """Of the answer its beginning is taken and no more."""
    loop = asyncio.get_running_loop()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    client.setblocking(False)
    await loop.sock_connect(client, (server.host, server.port))
    host = f"Host: {server.host}:{server.port}"
    await loop.sock_sendall(client, f"GET {address} HTTP/1.1\r\n{host}\r\n\r\n".encode())
    answer = b""
    while first not in answer:
        answer += await loop.sock_recv(client, 512)


@pytest.mark.parametrize(
    ("address", "first"),
    [
        ("/api/stream?page=/topics", b"retry: 2000"),
        ("/api/v1/topics/users/tail", b": nothing new"),
    ],
)
async def test_a_stream_that_nobody_takes_is_cut(
    server: TestServer,
    cluster: MadeCluster,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    first: bytes,
) -> None:
    monkeypatch.setattr(stream, "WRITE_S", 0.2)
    handler = server.handler
    assert handler is not None

    with socket.socket() as client:
        await asked(server, client, address, first)
        cluster.partitions[USERS].end += TURN

        async with asyncio.timeout(20):
            while handler.connections:
                await asyncio.sleep(0.01)
