"""A server with toy handlers, on both event loops that the broker may run on."""

import asyncio
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pytest
import uvloop
from prometheus_client import CollectorRegistry

from broker.handlers.handler import (
    Handler,
    ListenerAddress,
    RequestContext,
    Services,
    Versions,
)
from broker.metadata.image import ClusterImage
from broker.metrics import BrokerMetrics
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.api_versions import (
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
)
from broker.protocol.messages.fetch import (
    FetchableTopicResponse,
    FetchRequest,
    FetchResponse,
    PartitionData,
)
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.protocol.messages.list_groups import ListGroupsRequest
from broker.protocol.messages.produce import ProduceRequest, ProduceResponse, TopicProduceResponse
from broker.security.throttle import ClientQuotas
from broker.server.acceptor import Acceptor
from broker.server.connection import Connection
from broker.server.connections import Connections, Limits
from broker.server.crowd import Crowd
from broker.server.dispatcher import Dispatcher
from broker.server.tls import TlsChannel, TlsSettings
from tests.support.manual_clock import ManualClock
from tests.support.ports import free_port
from tests.support.raw_client import RawClient

ADDRESS = ListenerAddress("PLAINTEXT", "127.0.0.1", 9092)
NOTHING_KEPT = SimpleNamespace(connection_closed=lambda connection_id: None)
"""Share groups and client metrics of a broker that has none."""
LIMITS = Limits(
    frame_bytes_max=10_000_000,
    held_bytes_max=1 << 40,
    connections_max=100,
    connections_per_ip_max=100,
    idle_s_max=600.0,
)


class ClosingLoop(uvloop.Loop):
    """Closes what a test left open, such as a client with unsent bytes, as asyncio's loop does.

    uvloop warns of each; a warning that is an error keeps it from closing what it warns of, and
    libuv then waits for that for ever, in C code which no time limit of a test can interrupt.
    """

    def close(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            super().close()


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": ClosingLoop}


@dataclass
class Toys:
    """Handlers whose behaviour a test sets; `started` tells in which order they began."""

    started: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    answers: dict[int, list[Any]] = field(default_factory=dict)
    """Records of a fetch answer, by the max_wait_ms of its request."""

    def gate(self, name: str) -> asyncio.Event:
        """A request of this name waits until the gate is set."""
        return self.gates.setdefault(name, asyncio.Event())

    async def until_started(self, count: int) -> None:
        """Wait until so many requests have begun."""
        async with asyncio.timeout(50):
            while len(self.started) < count:
                await asyncio.sleep(0)

    async def _pass(self, name: str) -> None:
        self.started.append(name)
        if name in self.gates:
            try:
                await self.gates[name].wait()
            except asyncio.CancelledError:
                self.cancelled.append(name)
                raise
        self.finished.append(name)

    async def produce(self, request: ProduceRequest, context: RequestContext) -> Any:
        name = request.transactional_id or ""
        await self._pass(name)
        if request.acks == 0:
            if name == "refused":
                raise ConnectionAbortedError("acks=0 produce refused")
            return None
        return ProduceResponse(responses=[TopicProduceResponse(name=name)])

    async def fetch(self, request: FetchRequest, context: RequestContext) -> FetchResponse:
        await self._pass(f"fetch {request.max_wait_ms}")
        partitions = [
            PartitionData(index, records=records)
            for index, records in enumerate(self.answers[request.max_wait_ms])
        ]
        return FetchResponse(responses=[FetchableTopicResponse("t", partitions=partitions)])

    async def heartbeat(self, request: HeartbeatRequest, context: RequestContext) -> Any:
        await self._pass(request.group_id)
        return HeartbeatResponse(throttle_time_ms=context.connection_id)

    async def buggy(self, request: ListGroupsRequest, context: RequestContext) -> Any:
        raise RuntimeError("a bug in a handler")

    async def api_versions(self, request: ApiVersionsRequest, context: RequestContext) -> Any:
        return ApiVersionsResponse(api_keys=[ApiVersion(18, 0, 4)])

    def handlers(self) -> tuple[Handler, ...]:
        return (
            Handler(ApiKey.PRODUCE, Versions(3, 13), ProduceRequest, self.produce, pipelined=True),
            Handler(ApiKey.FETCH, Versions(4, 18), FetchRequest, self.fetch, cancellable=True),
            Handler(ApiKey.HEARTBEAT, Versions(0, 3), HeartbeatRequest, self.heartbeat),
            Handler(ApiKey.LIST_GROUPS, Versions(0, 5), ListGroupsRequest, self.buggy),
            Handler(ApiKey.API_VERSIONS, Versions(0, 4), ApiVersionsRequest, self.api_versions),
        )


class ToyServer:
    """Toy handlers behind the real dispatcher and connections."""

    def __init__(self, limits: Limits, tasks: asyncio.TaskGroup) -> None:
        self.toys = Toys()
        self.metrics = BrokerMetrics(CollectorRegistry())
        clock = ManualClock()
        self.image = ClusterImage()
        security = SimpleNamespace(quotas=ClientQuotas(lambda: self.image, clock))
        services = cast(
            Services,
            SimpleNamespace(
                clock=clock, security=security, share=NOTHING_KEPT, telemetry=NOTHING_KEPT
            ),
        )
        self.dispatcher = Dispatcher(self.toys.handlers(), services, self.metrics)
        self.connections = Connections(limits, ADDRESS, self.metrics, tasks)
        self.tls: TlsSettings | None = None
        """Set before `start`: clients speak TLS."""
        self._tasks = tasks
        self._socket: socket.socket | None = None
        self._acceptor: Acceptor | None = None

    def _connection(self) -> asyncio.BufferedProtocol:
        made = Connection(self.connections, self.dispatcher)
        return made if self.tls is None else TlsChannel(self.tls, made)

    @property
    def port(self) -> int:
        assert self._socket is not None
        port: int = self._socket.getsockname()[1]
        return port

    async def start(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", free_port()))
        self._socket.setblocking(False)
        self._acceptor = Acceptor(self._socket, self.connections, self._connection, self._tasks)
        self._acceptor.start()

    async def stop(self) -> None:
        if self._acceptor is not None and self._socket is not None:
            self._acceptor.stop()
            self._acceptor = None
            self._socket.close()
        self.connections.close_all()
        await self.until_connections(0)

    async def connect(self, tls: ssl.SSLContext | None = None) -> RawClient:
        """A client, after the server has taken it in or turned it away."""
        known = len(self.connections) + sum(self.metrics.connections_refused.values())
        client = await RawClient.connect("127.0.0.1", self.port, tls)
        async with asyncio.timeout(50):
            while len(self.connections) + sum(self.metrics.connections_refused.values()) == known:
                await asyncio.sleep(0)
        return client

    async def until_connections(self, count: int) -> None:
        """Wait until so many connections are open."""
        async with asyncio.timeout(50):
            while len(self.connections) != count:
                await asyncio.sleep(0)


@pytest.fixture
def limits() -> Limits:
    """A test module or class overrides it for a server of tighter bounds."""
    return LIMITS


@pytest.fixture
async def server(limits: Limits) -> AsyncIterator[ToyServer]:
    async with asyncio.TaskGroup() as tasks:
        toy_server = ToyServer(limits, tasks)
        await toy_server.start()
        yield toy_server
        await toy_server.stop()


@pytest.fixture
async def two(limits: Limits) -> AsyncIterator[tuple[ToyServer, ToyServer]]:
    """Two listeners of one broker."""
    crowd = Crowd()
    async with asyncio.TaskGroup() as tasks:
        servers = ToyServer(limits, tasks), ToyServer(limits, tasks)
        for one in servers:
            one.connections = Connections(limits, ADDRESS, one.metrics, tasks, crowd=crowd)
            await one.start()
        yield servers
        for one in servers:
            await one.stop()


@pytest.fixture
def record_file(tmp_path: Path) -> Any:
    """A file of storage's own kind with 3 MB of bytes that differ by position."""
    from broker.storage.files import OsFiles

    path = tmp_path / "records"
    path.write_bytes(bytes(range(251)) * 12_000)
    return OsFiles().open(str(path))


@pytest.fixture
def open_descriptors(tmp_path: Path) -> Callable[[], int]:
    """How many descriptors of files of this test are open; other threads may have others."""
    files = psutil.Process().open_files
    return lambda: sum(tmp_path in Path(one.path).parents for one in files())
