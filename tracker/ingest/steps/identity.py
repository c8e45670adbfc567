"""Step: the visitor id. No cookie: a keyed hash that nobody can compute again in two days.

visitor_id = BLAKE2b-64(key = salt of the UTC day,
                        site NUL address NUL user agent NUL registrable domain)

An IPv6 visitor is the /64 of the address (its rest changes by itself). The address ends here: it is
in no event, no log and no file.
"""

import ipaddress
from hashlib import blake2b
from typing import Final

from publicsuffixlist import PublicSuffixList

from tracker.events import Event
from tracker.ingest.cache import BoundedCache
from tracker.ingest.visit import Visit

ID_BYTES: Final = 8
IPV6_PREFIX_BITS: Final = 64
CACHE_SIZE: Final = 10_000


class Domains:
    """Registrable domains ("b.co.uk" of "a.b.co.uk") by the public suffix list, remembered."""

    def __init__(self) -> None:
        self._suffixes = PublicSuffixList()
        self.registrable = BoundedCache(self._registrable, CACHE_SIZE)

    def _registrable(self, hostname: str) -> str:
        if hostname.startswith("[") or hostname.rpartition(".")[2].isdigit():
            return hostname  # an address has no domain
        return self._suffixes.privatesuffix(hostname) or hostname


def apply(event: Event, visit: Visit, salt: bytes, domains: Domains) -> None:
    event.visitor_id = visitor_id(
        salt,
        event.site_id,
        visit.client_ip,
        visit.user_agent,
        domains.registrable(event.hostname or ""),
    )


def visitor_id(salt: bytes, site: str, address: str, user_agent: str, domain: str) -> str:
    """16 hex digits; the same visitor on the same site and day gets the same."""
    text = f"{site}\0{_person_of(address)}\0{user_agent}\0{domain}"
    return blake2b(text.encode(errors="replace"), key=salt, digest_size=ID_BYTES).hexdigest()


def _person_of(address: str) -> str:
    """An IPv4 address as it is; of an IPv6 address the network that one household has."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address, IPV6_PREFIX_BITS), strict=False).network_address)
