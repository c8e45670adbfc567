"""Accepts the clients of one listening socket, as many as may be connected at once.

When there is no room, the next clients wait in the backlog of the socket until a connection ends,
as with `max.connections` of Apache Kafka; the socket is not looked at meanwhile.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

from broker.server.connections import Connections
from broker.sparing_log import SparingLog

log = logging.getLogger(__name__)

AT_ONCE = 64  # accepted before others get a turn
RETRY_S = 1.0  # after accepting has failed, as in asyncio's own servers


class Acceptor:
    """From `start` to `stop`; the socket stays its owner's."""

    def __init__(
        self,
        listening: socket.socket,
        connections: Connections,
        protocol: Callable[[], asyncio.BufferedProtocol],
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._socket = listening
        self._connections = connections
        self._protocol = protocol
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._retry: asyncio.TimerHandle | None = None
        self._waits = SparingLog(log, "waits of clients", lines_max=1)
        self._failures = SparingLog(log, "failures to accept", lines_max=1)

    def start(self) -> None:
        """Accept whoever comes and has room."""
        self._loop.add_reader(self._socket, self._ready)

    def stop(self) -> None:
        """Accept no more."""
        self._loop.remove_reader(self._socket)
        self._connections.wait_no_more()
        if self._retry is not None:
            self._retry.cancel()

    def _ready(self) -> None:
        """Somebody wants to come in."""
        if not self._connections.has_room:
            self._loop.remove_reader(self._socket)
            self._connections.wait_for_room(self.start)
            message = "clients wait: max_connections is reached listener=%s"
            self._waits.tell(logging.WARNING, self._loop.time(), message, self._connections.name)
            return
        for _ in range(AT_ONCE):
            if not self._connections.has_room:
                return  # whether anybody is left is seen when this is called again
            try:
                client, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # no descriptor or memory left
                self._loop.remove_reader(self._socket)
                self._retry = self._loop.call_later(RETRY_S, self.start)
                now_s = self._loop.time()
                self._failures.tell(logging.ERROR, now_s, "cannot accept a client: %s", error)
                return
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.expect()
            self._tasks.create_task(self._take(client))

    async def _take(self, client: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, client)
        except OSError:
            client.close()  # it went as it came
        finally:
            self._connections.arrived()
