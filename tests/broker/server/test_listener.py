import asyncio
import math
from types import SimpleNamespace
from typing import cast

import pytest
from prometheus_client import CollectorRegistry

from broker.config import BrokerConfig
from broker.handlers.handler import ListenerAddress, Services
from broker.metrics import BrokerMetrics
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.server.dispatcher import Dispatcher
from broker.server.listener import Listener, limits_of
from tests.broker.server.conftest import LIMITS, NOTHING_KEPT, Toys
from tests.support.manual_clock import ManualClock
from tests.support.raw_client import RawClient

SECURITY = SimpleNamespace(quotas=SimpleNamespace(active=False, connection_delay_ms=lambda _: 0))


def toy_dispatcher(toys: Toys, metrics: BrokerMetrics) -> Dispatcher:
    toy = SimpleNamespace(
        clock=ManualClock(), security=SECURITY, share=NOTHING_KEPT, telemetry=NOTHING_KEPT
    )
    services = cast(Services, toy)
    return Dispatcher(toys.handlers(), services, metrics)


async def test_clients_wait_in_the_backlog_until_the_broker_serves() -> None:
    metrics = BrokerMetrics(CollectorRegistry())
    listener = Listener("PLAINTEXT", LIMITS, metrics)
    port = listener.bind("127.0.0.1", 0)
    client = await RawClient.connect("127.0.0.1", port)
    correlation_id = client.send(HeartbeatRequest(), 3)

    async with asyncio.TaskGroup() as tasks:
        address = ListenerAddress("PLAINTEXT", "127.0.0.1", port)
        await listener.serve(toy_dispatcher(Toys(), metrics), address, tasks)

        assert await client.receive(HeartbeatResponse, 3, correlation_id)
        client.close()
        await listener.stop()


async def test_a_taken_port_is_an_error_at_once() -> None:
    metrics = BrokerMetrics(CollectorRegistry())
    first, second = (Listener("PLAINTEXT", LIMITS, metrics) for _ in range(2))
    port = first.bind("127.0.0.1", 0)

    with pytest.raises(OSError, match="in use"):
        second.bind("127.0.0.1", port)
    await first.stop()


async def test_stopping_lets_requests_in_work_end_and_closes_the_rest() -> None:
    metrics, toys = BrokerMetrics(CollectorRegistry()), Toys()
    gate = toys.gate("in work")
    listener = Listener("PLAINTEXT", LIMITS, metrics)
    port = listener.bind("127.0.0.1", 0)
    async with asyncio.TaskGroup() as tasks:
        address = ListenerAddress("PLAINTEXT", "127.0.0.1", port)
        await listener.serve(toy_dispatcher(toys, metrics), address, tasks)
        async with await RawClient.connect("127.0.0.1", port) as client:
            correlation_id = client.send(HeartbeatRequest(group_id="in work"), 3)
            await toys.until_started(1)

            stopping = tasks.create_task(listener.stop())
            await asyncio.sleep(0)
            gate.set()

            assert await client.receive(HeartbeatResponse, 3, correlation_id)
            assert await client.read_to_end() == b""
            await stopping
        with pytest.raises(ConnectionRefusedError):
            await RawClient.connect("127.0.0.1", port)


async def test_stopping_cuts_off_requests_that_outlast_the_grace() -> None:
    metrics, toys = BrokerMetrics(CollectorRegistry()), Toys()
    toys.gate("for ever")
    listener = Listener("PLAINTEXT", LIMITS, metrics)
    port = listener.bind("127.0.0.1", 0)
    async with asyncio.TaskGroup() as tasks:
        address = ListenerAddress("PLAINTEXT", "127.0.0.1", port)
        await listener.serve(toy_dispatcher(toys, metrics), address, tasks)
        async with await RawClient.connect("127.0.0.1", port) as client:
            client.send(HeartbeatRequest(group_id="for ever"), 3)
            await toys.until_started(1)

            await listener.stop(grace_s=0)

            assert await client.read_to_end() == b""
    assert toys.cancelled == ["for ever"]


def test_limits_are_the_settings_of_the_broker() -> None:
    config = BrokerConfig(
        socket_request_max_bytes=1, queued_max_request_bytes=2, max_connections=3,
        max_connections_per_ip=4, connections_max_idle_ms=5000,
    )  # fmt: skip

    limits = limits_of(config)

    assert (limits.frame_bytes_max, limits.held_bytes_max) == (1, 2)
    assert (limits.connections_max, limits.connections_per_ip_max) == (3, 4)
    assert limits.idle_s_max == 5.0


def test_a_negative_idle_time_closes_no_connection() -> None:
    limits = limits_of(BrokerConfig(connections_max_idle_ms=-1))

    assert limits.idle_s_max == math.inf
