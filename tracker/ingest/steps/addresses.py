"""Step: visitors who are not counted, by their address or by the law's signal."""

import ipaddress
from collections.abc import Sequence
from typing import Final

from tracker.ingest.cache import BoundedCache
from tracker.ingest.outcome import Dropped, Reason
from tracker.ingest.visit import Visit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
CACHE_SIZE: Final = 10_000


class Networks:
    """A set of addresses and networks, asked many times about the same few addresses."""

    def __init__(self, listed: Sequence[str]) -> None:
        """Raises ValueError, naming the entry that is neither an address nor a network."""
        self._networks: list[Network] = [ipaddress.ip_network(one, strict=False) for one in listed]
        self._known = BoundedCache(self._contains, CACHE_SIZE)

    def __contains__(self, address: str) -> bool:
        return bool(self._networks) and self._known(address)

    def _contains(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


class Addresses:
    """Drops events from blocked networks and, when asked to, those that carry Sec-GPC."""

    def __init__(self, blocked: Networks, *, honour_gpc: bool) -> None:
        self._blocked = blocked
        self._honour_gpc = honour_gpc

    def apply(self, visit: Visit) -> Dropped | None:
        if visit.client_ip in self._blocked:
            return Dropped(Reason.BLOCKED_ADDRESS)
        if self._honour_gpc and visit.gpc:
            return Dropped(Reason.GPC)
        return None
