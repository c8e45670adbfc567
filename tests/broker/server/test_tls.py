"""TLS between a client and a connection: who is let in, as whom, and what the others cost."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from broker.config import BrokerConfig
from broker.metrics import AuthenticationCounters
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.security.principals import rules_of
from broker.server.certificates import Certificates
from broker.server.tls import RECEIVE_BYTES, TlsSettings, mapping_rules
from footfall.settings import SettingsError
from tests.broker.server.conftest import LIMITS, ToyServer
from tests.support.certificates import Authority
from tests.support.raw_client import RawClient

RULES = "RULE:^CN=([a-z]+),.*$/$1/"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@asynccontextmanager
async def tls_server(
    authority: Authority, client_auth: str = "none", timeout_s: float = 30.0, **config: Any
) -> AsyncIterator[ToyServer]:
    """Toy handlers behind TLS; a failed handshake is closed at once."""

    def read() -> Certificates:
        settings = BrokerConfig(
            ssl_keystore_location=str(authority.broker().in_one()),
            ssl_truststore_location=str(authority.certificate),
            **config,
        )
        return Certificates(settings, client_auth=client_auth)

    certificates = await asyncio.to_thread(read)
    async with asyncio.TaskGroup() as tasks:
        server = ToyServer(LIMITS, tasks)
        server.tls = TlsSettings(
            certificates,
            rules_of(RULES),
            AuthenticationCounters(),
            timeout_s=timeout_s,
            failure_delay_s=0.0,
            space=memoryview(bytearray(RECEIVE_BYTES)),
        )
        await server.start()
        yield server
        await server.stop()


async def context_of(authority: Authority, name: str = "") -> ssl.SSLContext:
    """Of a client that trusts the broker, and shows a certificate if it has a name."""
    return await asyncio.to_thread(
        lambda: authority.context(authority.client(name) if name else None)
    )


def failed(server: ToyServer) -> int:
    assert server.tls is not None
    return server.tls.counters.failed


def principals(server: ToyServer) -> list[str]:
    """Of the connections that are open."""
    return [one._peer.principal for one in server.connections._open]  # type: ignore[attr-defined]


async def is_answered(client: RawClient) -> bool:
    return bool(await client.ask(HeartbeatRequest(), 3, HeartbeatResponse))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_is_answered_over_tls(authority: Authority, version: ssl.TLSVersion) -> None:
    context = await context_of(authority)
    context.minimum_version = context.maximum_version = version

    async with tls_server(authority) as server, await server.connect(context) as client:
        assert await is_answered(client)
        assert principals(server) == ["User:ANONYMOUS"]
        assert failed(server) == 0


async def test_an_old_version_of_tls_is_refused(authority: Authority) -> None:
    context = await context_of(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    async with tls_server(authority, ssl_enabled_protocols=("TLSv1.3",)) as server:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await server.connect(context)
        await server.until_connections(0)

        assert failed(server) == 1


async def test_a_required_certificate_says_who_the_client_is(authority: Authority) -> None:
    context = await context_of(authority, "ann")

    async with tls_server(authority, "required") as server, await server.connect(context) as client:
        assert await is_answered(client)
        assert principals(server) == ["User:ann"]


async def test_a_client_without_a_required_certificate_gets_no_answer(
    authority: Authority, tmp_path: Path
) -> None:
    """TLS 1.3 tells a client that it is in before the broker has seen that it is not."""
    stranger = await asyncio.to_thread(lambda: Authority(tmp_path).client("ann"))
    foreign = await asyncio.to_thread(authority.context, stranger)

    async with tls_server(authority, "required") as server:
        for context in (await context_of(authority), foreign):
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                async with await RawClient.connect("127.0.0.1", server.port, context) as client:
                    await is_answered(client)
        await server.until_connections(0)

        assert failed(server) == 2
        assert server.toys.started == []


async def test_a_requested_certificate_may_be_missing(authority: Authority) -> None:
    async with (
        tls_server(authority, "requested") as server,
        await server.connect(await context_of(authority)) as client,
    ):
        assert await is_answered(client)
        assert principals(server) == ["User:ANONYMOUS"]


async def test_a_certificate_that_no_rule_is_about_is_refused(authority: Authority) -> None:
    context = await context_of(authority, "Capital")

    async with tls_server(authority, "required") as server:
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            async with await RawClient.connect("127.0.0.1", server.port, context) as client:
                await is_answered(client)

        assert failed(server) == 1


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x20" * 9, b"\x16" * 99],
    ids=["http", "kafka", "noise"],
)
async def test_what_is_no_tls_costs_its_connection_only(authority: Authority, data: bytes) -> None:
    async with (
        tls_server(authority) as server,
        await server.connect(await context_of(authority)) as good,
    ):
        bad = await RawClient.connect("127.0.0.1", server.port)
        bad.send_bytes(data)
        await bad.read_to_end()
        bad.close()

        assert failed(server) == 1
        assert await is_answered(good)


async def test_who_does_not_finish_the_handshake_is_cut_off(authority: Authority) -> None:
    """Slow loris before the first request: the time of the handshake is bounded as a whole."""
    async with tls_server(authority, timeout_s=0.1) as server:
        slow = [await RawClient.connect("127.0.0.1", server.port) for _ in range(20)]
        for client in slow:
            client.send_bytes(b"\x16\x03\x01")

        ends = await asyncio.gather(*(client.read_to_end() for client in slow))
        await server.until_connections(0)
        for client in slow:
            client.close()

        assert set(ends) == {b""}
        assert failed(server) == len(slow)


async def test_who_has_shaken_hands_is_not_cut_off(authority: Authority) -> None:
    async with (
        tls_server(authority, timeout_s=1.5) as server,
        await server.connect(await context_of(authority)) as client,
    ):
        assert await is_answered(client)
        await asyncio.wait([asyncio.get_running_loop().create_future()], timeout=1.55)

        assert await is_answered(client)


async def shaken_byte_by_byte(
    context: ssl.SSLContext, sock: socket.socket
) -> tuple[ssl.SSLObject, ssl.MemoryBIO]:
    """The client's TLS, and what it has to send."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    loop = asyncio.get_running_loop()
    sock.setblocking(False)
    while True:
        try:
            tls.do_handshake()
            return tls, outgoing
        except ssl.SSLWantReadError:
            for byte in outgoing.read():
                await loop.sock_sendall(sock, bytes([byte]))
            incoming.write(await loop.sock_recv(sock, 65536))


async def test_a_handshake_byte_by_byte_succeeds(authority: Authority) -> None:
    context = await context_of(authority)
    async with tls_server(authority) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            await shaken_byte_by_byte(context, sock)

        assert failed(server) == 0


async def test_a_good_bye_closes_the_connection(authority: Authority) -> None:
    async with tls_server(authority) as server:
        client = await server.connect(await context_of(authority))
        assert await is_answered(client)

        client.close()

        await server.until_connections(0)


async def test_a_good_bye_closes_the_connection_of_a_client_that_stays(
    authority: Authority,
) -> None:
    context = await context_of(authority)
    async with tls_server(authority) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            tls, outgoing = await shaken_byte_by_byte(context, sock)
            with suppress(ssl.SSLWantReadError):
                tls.unwrap()

            await asyncio.get_running_loop().sock_sendall(sock, outgoing.read())

            await server.until_connections(0)


def test_rules_that_are_none_are_told_with_their_setting() -> None:
    with pytest.raises(SettingsError, match=r"ssl_principal_mapping_rules in .broker.: no rule at"):
        mapping_rules(BrokerConfig(ssl_principal_mapping_rules="lower"))
