"""All open connections of one listener, and the limits that hold for all listeners together."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from broker.config import INT32_MAX
from broker.handlers.handler import ListenerAddress
from broker.metrics import BrokerMetrics
from broker.server.crowd import Arrivals, Crowd
from broker.server.dispatcher import Peer
from broker.server.guard import Guard, Logins
from broker.sparing_log import SparingLog

log = logging.getLogger(__name__)

TURNED_AWAY_MAX = 1000  # connections kept open only to make their clients wait


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the broker's connections, from the settings of the same meaning."""

    frame_bytes_max: int  # socket_request_max_bytes
    held_bytes_max: int  # queued_max_request_bytes, over all connections
    connections_max: int
    connections_per_ip_max: int
    idle_s_max: float  # connections_max_idle_ms
    creation_rate_max: int = INT32_MAX  # max_connection_creation_rate, over all listeners
    listener_connections_max: int = INT32_MAX  # of this listener alone
    listener_rate_max: int = INT32_MAX
    is_protected: bool = False
    """Whether somebody is let in here though the broker is full: others are closed."""
    per_ip: Mapping[str, int] = field(default_factory=dict)
    """Addresses that have another bound than connections_per_ip_max."""


class OpenConnection(Protocol):
    """What a connection offers to its table."""

    last_activity_s: float

    @property
    def has_work(self) -> bool: ...

    @property
    def is_idle(self) -> bool: ...

    def close_idle(self, idle_s: float) -> None: ...

    def close(self) -> None: ...


class Connections:
    """Admits, counts and sweeps connections; their requests become tasks of `tasks`."""

    def __init__(
        self,
        limits: Limits,
        address: ListenerAddress,
        metrics: BrokerMetrics,
        tasks: asyncio.TaskGroup,
        *,
        logins: Logins | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        """`logins`: how clients log in; None: nobody has to. `crowd`: with other listeners."""
        self.name = address.name
        self.logins = logins
        self.limits = limits
        self.metrics = metrics
        self._tasks = tasks
        self._requests: set[asyncio.Task[None]] = set()
        self._address = address
        self._open: set[OpenConnection] = set()
        self._arrivals = Arrivals()
        self._turned_away: dict[asyncio.BaseTransport, asyncio.TimerHandle] = {}
        self._crowd = crowd or Crowd()
        self._arriving = 0  # accepted, but not admitted yet
        self._is_over = False  # the broker stops
        self._wake: Callable[[], None] | None = None  # accept again
        self._waits_since_s = self._waited_s = 0.0
        self._refusals = SparingLog(log, "connections refused", lines_max=1)
        self._endings = SparingLog(log, "connections closed")
        metrics.connections[address.name] = 0
        metrics.accept_blocked_s[address.name] = self._blocked_s

    def __len__(self) -> int:
        return len(self._open)

    @property
    def held_bytes(self) -> int:
        """Of requests that are not answered, over all connections of the broker."""
        return self._crowd.held_bytes

    @property
    def is_full(self) -> bool:
        """Whether unanswered requests hold all the memory they may."""
        return self._crowd.held_bytes > self.limits.held_bytes_max

    def start(self, request: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Work on a request, whether or not its connection stays open meanwhile."""
        task = self._tasks.create_task(request)
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)
        return task

    def hold(self, size_bytes: int) -> None:
        """Count a request that has arrived."""
        self._crowd.held_bytes += size_bytes

    def release(self, size_bytes: int) -> None:
        """Count a request as answered or dropped."""
        self._crowd.held_bytes -= size_bytes

    # Who may be accepted

    @property
    def has_room(self) -> bool:
        """Whether one more connection may be accepted now."""
        limits, crowd = self.limits, self._crowd
        return len(self._open) + self._arriving < limits.listener_connections_max and (
            limits.is_protected or crowd.count + crowd.arriving < limits.connections_max
        )

    @property
    def has_waiting(self) -> bool:
        """Whether somebody waits to be accepted."""
        return self._wake is not None

    def expect(self) -> None:
        """Count a connection that is accepted, until `arrived`."""
        self._arriving += 1
        self._crowd.arriving += 1

    def arrived(self) -> None:
        """An accepted connection was admitted, or is gone."""
        self._arriving -= 1
        self._crowd.arriving -= 1
        self._crowd.tell_room()

    def wait_for_room(self, wake: Callable[[], None]) -> None:
        """Call `wake` once there is room: somebody waits to be accepted."""
        self._wake = wake
        self._waits_since_s = time.monotonic()
        self._crowd.waiting.add(self._look_for_room)

    def wait_no_more(self) -> None:
        """Nobody waits any more, or the listener stops."""
        if self.has_waiting:
            self._waited_s = self._blocked_s()
            self._wake = None
            self._crowd.waiting.discard(self._look_for_room)

    def _look_for_room(self) -> None:
        wake = self._wake
        if wake is not None and self.has_room:
            self.wait_no_more()
            wake()

    def _blocked_s(self) -> float:
        """How long clients have waited to be accepted, all in all."""
        if not self.has_waiting:
            return self._waited_s
        return self._waited_s + time.monotonic() - self._waits_since_s

    def limit(self, limits: Limits) -> None:
        """Bounds that count from now on: the broker closes connections that are too many."""
        self.limits = limits
        self._make_room()
        self._look_for_room()

    def _make_room(self) -> None:
        """Close whoever was silent for longest, when the broker has too many connections."""
        closed = self._crowd.make_room(self.limits.connections_max)
        if closed:
            self.metrics.connections_refused["max_connections"] += closed
            message = "connections closed: more than max_connections count=%d"
            self._endings.tell(logging.INFO, time.monotonic(), message, closed)

    def admit(self, connection: OpenConnection, host: str) -> Peer | None:
        """Take a new connection in; None when it is one too many, or the broker stops."""
        if self._is_over:
            return None
        limits, crowd, client_host = self.limits, self._crowd, f"/{host}"
        bound = limits.per_ip.get(host, limits.connections_per_ip_max)
        if crowd.from_host(client_host) >= bound:
            self._turn_away("max_connections_per_ip", bound, host)
            return None
        now_s = asyncio.get_running_loop().time()
        for arrivals, rate in self._rates():
            if arrivals.is_full(rate, now_s):
                self._turn_away("connection_creation_rate", rate, host)
                return None
        self._open.add(connection)
        connection_id = crowd.enter(client_host)
        if limits.is_protected:
            self._make_room()
        else:
            crowd.closable.add(connection)
        self.metrics.connections[self._address.name] = len(self._open)
        return Peer(connection_id, client_host, "User:ANONYMOUS", self._address)

    def guard(self, peer: Peer, close: Callable[[str], None]) -> Guard | None:
        """What stands before the requests of a new connection; `close` ends it."""
        if self.logins is None:
            return None
        counters = self.metrics.authentications(self._address.name)
        return Guard(self.logins, peer, counters, close)

    def entry_delay_s(self) -> float:
        """How long a connection that was just admitted waits for its first answer: it came early.

        As in Kafka those wait that exceed the rate of broker or listener, while there is room.
        """
        now_s = asyncio.get_running_loop().time()
        return max(arrivals.delay_s(rate, now_s) for arrivals, rate in self._rates())

    def _rates(self) -> tuple[tuple[Arrivals, int], ...]:
        """Of all listeners together, and of this one."""
        limits = self.limits
        return (
            (self._crowd.arrivals, limits.creation_rate_max),
            (self._arrivals, limits.listener_rate_max),
        )

    def turn_away_too_fast(
        self, host: str, transport: asyncio.BaseTransport, delay_ms: float
    ) -> None:
        """Close a connection, after a while, that its address opened too early (KIP-612)."""
        self._turn_away("connection_creation_rate", 0, host)
        if len(self._turned_away) >= TURNED_AWAY_MAX:
            transport.close()
            return
        loop = asyncio.get_running_loop()
        self._turned_away[transport] = loop.call_later(
            delay_ms / 1000, self._close_turned_away, transport
        )

    def _close_turned_away(self, transport: asyncio.BaseTransport) -> None:
        self._turned_away.pop(transport).cancel()
        transport.close()

    def forget(self, connection: OpenConnection, peer: Peer) -> None:
        """A connection that was admitted is closed."""
        self._open.discard(connection)
        self._crowd.forget(connection)
        self._crowd.leave(peer.client_host)
        self.metrics.connections[self._address.name] = len(self._open)

    def _turn_away(self, limit: str, bound: int, host: str) -> None:
        self.metrics.connections_refused[limit] += 1
        now_s = asyncio.get_running_loop().time()
        self._refusals.tell(
            logging.WARNING,
            now_s,
            "connection refused peer=/%s limit=%s bound=%d",
            host,
            limit,
            bound,
        )

    def tell_closed(self, client_host: str, reason: str) -> None:
        """Log that we end a connection, unless too many ended lately."""
        now_s = asyncio.get_running_loop().time()
        message = "connection closed peer=%s reason=%s"
        self._endings.tell(logging.INFO, now_s, message, client_host, reason)

    def close_idle(self, now_s: float) -> None:
        """Close connections on which nothing whole has moved for too long."""
        for connection in list(self._open):
            idle_s = now_s - connection.last_activity_s
            if connection.is_idle and idle_s >= self.limits.idle_s_max:
                connection.close_idle(idle_s)

    @property
    def have_work(self) -> bool:
        """Whether any request is being worked on or any answer is being sent."""
        return bool(self._requests) or any(connection.has_work for connection in self._open)

    def close_all(self) -> None:
        """Close what is open or still arrives, and end what is in work: the broker stops."""
        self._is_over = True
        for connection in list(self._open):
            connection.close()
        for transport in list(self._turned_away):
            self._close_turned_away(transport)
        for task in list(self._requests):
            task.cancel("the broker stops")
