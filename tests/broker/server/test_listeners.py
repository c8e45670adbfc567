"""All listeners of one broker: what each lets in, what each tells, and what they share."""

import asyncio
import logging
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from broker.config import BrokerConfig
from broker.handlers.handler import Services
from broker.metadata.image import ClusterImage
from broker.metrics import BrokerMetrics
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.security.security import build_security
from broker.server.dispatcher import Dispatcher
from broker.server.listeners import Listeners, PortTaken
from footfall.settings import SettingsError
from tests.broker.server.conftest import NOTHING_KEPT, Toys
from tests.support.certificates import Authority, Pair
from tests.support.manual_clock import ManualClock
from tests.support.ports import free_port
from tests.support.raw_client import RawClient


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def pair(authority: Authority) -> Pair:
    return authority.broker()


class Serving:
    """Listeners over toy handlers."""

    def __init__(self, config: BrokerConfig) -> None:
        self.metrics = BrokerMetrics(CollectorRegistry())
        self.clock = ManualClock()
        self.security = build_security(config, ClusterImage, self.clock)
        self.listeners = Listeners(config, self.metrics)
        self.toys = Toys()

    async def serve(self, tasks: asyncio.TaskGroup) -> None:
        self.listeners.bind()
        toy = SimpleNamespace(
            clock=self.clock, security=self.security, share=NOTHING_KEPT, telemetry=NOTHING_KEPT
        )
        services = cast(Services, toy)
        dispatcher = Dispatcher(self.toys.handlers(), services, self.metrics)
        controller = Dispatcher((), services, self.metrics)
        await self.listeners.serve(
            dispatcher, tasks, self.security, self.clock, controller=controller
        )

    def port(self, name: str) -> int:
        """Which a listener has, as clients are told."""
        return {one.name: one.port for one in self.listeners.addresses}[name]


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[Serving]:
    made = await asyncio.to_thread(lambda: Serving(BrokerConfig(**settings)))
    async with asyncio.TaskGroup() as tasks:
        await made.serve(tasks)
        yield made
        await made.listeners.stop()


async def is_answered(client: RawClient) -> bool:
    try:
        return bool(await client.ask(HeartbeatRequest(), 3, HeartbeatResponse))
    except (asyncio.IncompleteReadError, ConnectionError):
        return False


async def test_each_listener_has_its_own_protection(authority: Authority, pair: Pair) -> None:
    listeners = ("PLAINTEXT://127.0.0.1:0", "SSL://127.0.0.1:0", "SASL_PLAINTEXT://127.0.0.1:0")
    tls = await asyncio.to_thread(authority.context)

    async with serving(listeners=listeners, ssl_keystore_location=str(pair.in_one())) as made:
        answered = {}
        for name, context in (("PLAINTEXT", None), ("SSL", tls), ("SASL_PLAINTEXT", None)):
            async with await RawClient.connect("127.0.0.1", made.port(name), context) as client:
                answered[name] = await is_answered(client)

    assert answered == {"PLAINTEXT": True, "SSL": True, "SASL_PLAINTEXT": False}


async def test_clients_are_told_the_port_that_was_taken_or_the_one_of_the_settings() -> None:
    listeners = ("PLAINTEXT://127.0.0.1:0", "OUT://127.0.0.1:0")

    async with serving(
        listeners=listeners,
        advertised_listeners=("OUT://kafka.example.org:443",),
        listener_security_protocol_map=("OUT:PLAINTEXT",),
    ) as made:
        inside, outside = made.listeners.addresses

    assert (inside.host, inside.port > 0) == ("127.0.0.1", True)
    assert (outside.host, outside.port) == ("kafka.example.org", 443)


async def test_a_listener_of_controllers_has_handlers_of_its_own_and_is_told_apart() -> None:
    listeners = ("PLAINTEXT://127.0.0.1:0", "QUORUM://127.0.0.1:0")

    async with serving(listeners=listeners, controller_listener_names=("QUORUM",)) as made:
        (broker,), (controller,) = made.listeners.addresses, made.listeners.controllers
        answered = []
        for address in (broker, controller):
            async with await RawClient.connect(address.host, address.port) as client:
                answered.append(await is_answered(client))

    assert (broker.name, controller.name) == ("PLAINTEXT", "QUORUM")
    assert answered == [True, False]


async def test_a_taken_port_names_the_setting_to_change() -> None:
    async with serving(listeners=("PLAINTEXT://127.0.0.1:0",)) as made:
        taken = made.port("PLAINTEXT")
        metrics = BrokerMetrics(CollectorRegistry())
        second = Listeners(BrokerConfig(port=taken), metrics)

        with pytest.raises(PortTaken, match=rf"127.0.0.1:{taken} is taken .* set \[broker\] port"):
            second.bind()


async def test_no_port_stays_taken_when_one_of_them_cannot_be_had() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken, free = other.getsockname()[1], free_port()
        doors = (f"A://127.0.0.1:{free}", f"B://127.0.0.1:{taken}")
        config = BrokerConfig(
            listeners=doors, listener_security_protocol_map=("A:PLAINTEXT", "B:PLAINTEXT")
        )
        second = Listeners(config, BrokerMetrics(CollectorRegistry()))

        with pytest.raises(PortTaken):
            second.bind()

    with socket.create_server(("127.0.0.1", free)) as anew:
        assert anew.getsockname()[1] == free
    assert second.addresses == ()


async def test_a_renewed_certificate_is_shown_to_new_clients_and_old_ones_stay(
    authority: Authority, pair: Pair
) -> None:
    newer = authority.broker("newer")
    tls = await asyncio.to_thread(authority.context)

    async with serving(
        listeners=("SSL://127.0.0.1:0",),
        ssl_keystore_location=str(pair.certificate),
        ssl_key_location=str(pair.key),
    ) as made:
        port = made.port("SSL")
        async with await RawClient.connect("127.0.0.1", port, tls) as old:
            assert await is_answered(old)
            for source, target in ((newer.certificate, pair.certificate), (newer.key, pair.key)):
                await asyncio.to_thread(shutil.copy, source, target)
            await made.listeners.renew_certificates()
            async with await RawClient.connect("127.0.0.1", port, tls) as new:
                assert await is_answered(new)
                shown = [_certificate_of(client) for client in (old, new)]
            assert await is_answered(old)
        exposition = made.metrics.exposition().decode()

    assert shown[0] != shown[1]
    assert 'footfall_kafka_certificate_valid_until_timestamp_seconds{listener="SSL"}' in exposition


@pytest.mark.parametrize(
    ("settings", "warnings"),
    [
        ({"host": "127.0.0.1"}, 0),
        ({"host": "0.0.0.0", "advertised_host": "a.example.org"}, 1),
        ({"listeners": ("SASL_PLAINTEXT://10.0.0.1:0",)}, 1),
    ],
)
def test_what_an_open_listener_leaves_open_is_said(
    settings: dict[str, Any], warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)

    Listeners(BrokerConfig(**settings), BrokerMetrics(CollectorRegistry()))

    assert len(caplog.records) == warnings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"listeners": ("SSL://127.0.0.1:0",)}, "needs ssl_keystore_location"),
        (
            {"listeners": ("SASL_PLAINTEXT://127.0.0.1:0",), "sasl_enabled_mechanisms": ()},
            "nobody could log in",
        ),
    ],
)
def test_a_listener_without_what_it_needs_is_refused_before_any_port_is_taken(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        Listeners(BrokerConfig(**settings), BrokerMetrics(CollectorRegistry()))


async def test_a_listener_shows_a_certificate_of_its_own(
    authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    own = other.broker()
    async with serving(
        listeners=("INSIDE://127.0.0.1:0", "OUTSIDE://127.0.0.1:0"),
        listener_security_protocol_map=("INSIDE:SSL", "OUTSIDE:SSL"),
        ssl_keystore_location=str(pair.certificate),
        ssl_key_location=str(pair.key),
        listener_settings=(
            f"listener.name.outside.ssl.keystore.location={own.certificate}",
            f"listener.name.outside.ssl.key.location={own.key}",
        ),
    ) as made:
        for name, known in (("INSIDE", authority), ("OUTSIDE", other)):
            async with await RawClient.connect(
                "127.0.0.1", made.port(name), known.context()
            ) as client:
                assert await is_answered(client)


def _certificate_of(client: RawClient) -> bytes:
    shown: bytes = client._writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return shown


async def test_the_listener_between_brokers_lets_in_when_the_broker_is_full() -> None:
    async with serving(
        listeners=("PLAINTEXT://127.0.0.1:0", "OTHER://127.0.0.1:0"),
        listener_security_protocol_map=("PLAINTEXT:PLAINTEXT", "OTHER:PLAINTEXT"),
        max_connections=1,
    ) as made:
        other = await RawClient.connect("127.0.0.1", made.port("OTHER"))
        await other.ask(HeartbeatRequest(), 3, HeartbeatResponse)

        async with await RawClient.connect("127.0.0.1", made.port("PLAINTEXT")) as client:
            assert await client.ask(HeartbeatRequest(), 3, HeartbeatResponse)

        assert await other.read_to_end() == b""
        other.close()
