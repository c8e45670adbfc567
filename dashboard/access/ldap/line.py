"""What ends a sign-in that waits for the directory, from another thread than its own."""

import socket
import threading
from dataclasses import dataclass, field
from typing import Protocol

from dashboard.access.ldap.answers import Away


class Wired(Protocol):
    """A connection; its socket may be another one after TLS began."""

    socket: socket.socket | None


@dataclass(slots=True, eq=False)
class Line:
    """One sign-in under way. Once it is cut no read of it waits any longer."""

    is_cut: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _connection: Wired | None = None

    def carry(self, connection: Wired) -> None:
        """Raises Away when it was cut already."""
        with self._lock:
            if self.is_cut:
                raise Away
            self._connection = connection

    def cut(self) -> None:
        """A second time, and after the end, it does nothing."""
        with self._lock:
            self.is_cut = True
            wire = self._connection.socket if self._connection is not None else None
        if wire is not None:
            try:
                # not SSLSocket's own, which forgets the session that the other thread reads from
                socket.socket.shutdown(wire, socket.SHUT_RDWR)
            except OSError:
                pass  # not connected yet, or no longer
