"""Listens on one address: accepts clients until stopped, and keeps the limits of the listener."""

import asyncio
import math
import socket
from dataclasses import dataclass

from broker.config import BrokerConfig
from broker.handlers.handler import ListenerAddress
from broker.metadata.broker_configs import ip_bounds
from broker.metrics import BrokerMetrics
from broker.server.acceptor import Acceptor
from broker.server.connection import Connection
from broker.server.connections import Connections, Limits
from broker.server.crowd import Crowd
from broker.server.dispatcher import Dispatcher
from broker.server.guard import Logins
from broker.server.tls import TlsChannel, TlsSettings

BACKLOG = 1024  # connections that the kernel accepts before we do
STOP_GRACE_S = 5.0  # how long requests in work may take to end when the broker stops
_STOP_POLL_S = 0.02
_SWEEPS_PER_IDLE_TIME = 10
_SWEEP_S_MIN = 0.05  # an idle time of nothing must not keep the loop busy
_SWEEP_S_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Protection:
    """What clients of a listener pass through before they are answered."""

    tls: TlsSettings | None = None
    logins: Logins | None = None
    crowd: Crowd | None = None
    """Whom limits count, when there are other listeners; None: this one only."""


OPEN = Protection()


def limits_of(config: BrokerConfig) -> Limits:
    """The limits that the settings of the broker name."""
    idle_ms = config.connections_max_idle_ms
    return Limits(
        frame_bytes_max=config.socket_request_max_bytes,
        held_bytes_max=config.queued_max_request_bytes,
        connections_max=config.max_connections,
        connections_per_ip_max=config.max_connections_per_ip,
        idle_s_max=math.inf if idle_ms < 0 else idle_ms / 1000,
        creation_rate_max=config.max_connection_creation_rate,
        per_ip=ip_bounds(config.max_connections_per_ip_overrides),
    )


class Listener:
    """One listening socket. `bind`, then `serve` inside a task group, then `stop`."""

    def __init__(self, name: str, limits: Limits, metrics: BrokerMetrics) -> None:
        self._name = name
        self._limits = limits
        self._metrics = metrics
        self._socket: socket.socket | None = None
        self._acceptor: Acceptor | None = None
        self._connections: Connections | None = None
        self._sweeper: asyncio.Task[None] | None = None

    def limit(self, limits: Limits) -> None:
        """Bounds that count from now on: the broker closes connections that are too many."""
        self._limits = limits
        if self._connections is not None:
            self._connections.limit(limits)

    def bind(self, host: str, port: int) -> int:
        """Take the port (0: a free one) and return it; OSError when it is taken.

        Clients that connect from now on wait in the backlog until `serve`.
        """
        self._socket = socket.create_server((host, port), backlog=BACKLOG)
        self._socket.setblocking(False)
        bound: int = self._socket.getsockname()[1]
        return bound

    def unbind(self) -> None:
        """Give the port back, if nobody is served there."""
        if self._acceptor is None and self._socket is not None:
            self._socket.close()
            self._socket = None

    async def serve(
        self,
        dispatcher: Dispatcher,
        address: ListenerAddress,
        tasks: asyncio.TaskGroup,
        protection: Protection = OPEN,
    ) -> None:
        """Answer clients, which are told `address`, by tasks of the group; returns at once."""
        assert self._socket is not None
        connections = Connections(
            self._limits,
            address,
            self._metrics,
            tasks,
            logins=protection.logins,
            crowd=protection.crowd,
        )
        self._connections = connections
        tls = protection.tls

        def connection() -> asyncio.BufferedProtocol:
            made = Connection(connections, dispatcher)
            return made if tls is None else TlsChannel(tls, made)

        self._acceptor = Acceptor(self._socket, connections, connection, tasks)
        self._acceptor.start()
        self._sweeper = tasks.create_task(self._sweep(connections), name="idle connections")

    async def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """Accept no more, let requests in work end for up to `grace_s`, then close everything.

        A fetch that waits for records counts as work; it is cut off when the time is over.
        """
        if self._acceptor is not None:
            self._acceptor.stop()
            self._acceptor = None
        self.unbind()
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._connections is None:
            return
        deadline_s = asyncio.get_running_loop().time() + grace_s
        while self._connections.have_work and asyncio.get_running_loop().time() < deadline_s:
            await asyncio.sleep(_STOP_POLL_S)
        self._connections.close_all()
        while len(self._connections):
            await asyncio.sleep(0)  # `connection_lost` is called by the loop

    async def _sweep(self, connections: Connections) -> None:
        loop = asyncio.get_running_loop()
        interval_s = self._limits.idle_s_max / _SWEEPS_PER_IDLE_TIME
        interval_s = min(_SWEEP_S_MAX, max(_SWEEP_S_MIN, interval_s))
        while True:
            await asyncio.sleep(interval_s)
            connections.close_idle(loop.time())
