"""All connections of the broker together, over all listeners: what limits of the broker count."""

from collections.abc import Callable
from heapq import nsmallest
from typing import Protocol

from broker.security.throttle import RateWindow

ENTRY_WAIT_S_MAX = 30.0
"""A client gives its first request up after so long (request.timeout.ms), so a longer wait serves
nobody. Kafka does not accept meanwhile, and the backlog of its socket is the bound."""


class Closable(Protocol):
    """What may be closed to make room."""

    last_activity_s: float

    def close(self) -> None: ...


class Arrivals:
    """New connections, let in at a rate."""

    def __init__(self) -> None:
        self._window = RateWindow()
        self._entry_s = 0.0  # when the last of those that had to wait could enter

    def is_full(self, rate: int, now_s: float) -> bool:
        """Whether one more would have to wait too long; one that is sent away is not counted."""
        is_early = self._window.throttle_ms(rate, now_s * 1000) > 0
        return is_early and self._entry_s - now_s >= ENTRY_WAIT_S_MAX

    def delay_s(self, rate: int, now_s: float) -> float:
        """Count one; how long it must wait for there to be `rate` of them a second."""
        self._window.record(1, now_s * 1000)
        if not self._window.throttle_ms(rate, now_s * 1000):
            return 0.0
        self._entry_s = max(self._entry_s, now_s) + 1 / rate
        return self._entry_s - now_s


class Crowd:
    """How many there are and from where, and what their requests hold in memory."""

    def __init__(self) -> None:
        self.count = 0
        self.held_bytes = 0  # of requests that are not answered
        self.arrivals = Arrivals()
        self.arriving = 0  # accepted, and not counted by `enter` yet
        self.waiting: set[Callable[[], None]] = set()
        """What listeners want to be called that accept nobody, because there is no room."""
        self.closable: set[Closable] = set()
        """Connections that make room for others when there are too many."""
        self._closing: set[Closable] = set()
        self._by_host: dict[str, int] = {}
        self._last_id = 0

    def from_host(self, host: str) -> int:
        """Connections of one address."""
        return self._by_host.get(host, 0)

    def enter(self, host: str) -> int:
        """Count one more; its id, which no other connection of this broker has."""
        self.count += 1
        self._by_host[host] = self.from_host(host) + 1
        self._last_id += 1
        return self._last_id

    def leave(self, host: str) -> None:
        """Count one less; an address without connections leaves nothing behind."""
        self.count -= 1
        left = self._by_host[host] - 1
        if left:
            self._by_host[host] = left
        else:
            del self._by_host[host]
        self.tell_room()

    def forget(self, connection: Closable) -> None:
        """One that might have made room is gone."""
        self.closable.discard(connection)
        self._closing.discard(connection)

    def make_room(self, count_max: int) -> int:
        """Close those used least recently that are too many; how many they are."""
        excess = self.count - len(self._closing) - count_max
        if excess <= 0:
            return 0
        oldest = nsmallest(excess, self.closable, key=lambda one: one.last_activity_s)
        self.closable.difference_update(oldest)
        self._closing.update(oldest)
        for connection in oldest:
            connection.close()
        return len(oldest)

    def tell_room(self) -> None:
        """There may be room for one more."""
        for look in list(self.waiting):
            look()
