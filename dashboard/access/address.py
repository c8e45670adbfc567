"""Which address a request comes from, when proxies stand in front."""

import ipaddress
from collections.abc import Iterable, Sequence

from footfall.settings import SettingsError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks of the settings; raises SettingsError."""
    try:
        return tuple(ipaddress.ip_network(text, strict=False) for text in texts)
    except ValueError as error:
        raise SettingsError(f"trusted_proxies in [dashboard]: {error}") from error


def sender(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The first address from the right that no trusted proxy of ours has.

    `forwarded` are the X-Forwarded-For headers. Whoever sends one through no proxy of ours is known
    by the address of the connection, whatever the header says.
    """
    hops = [hop.strip() for header in forwarded for hop in header.split(",")]
    address = peer
    while _is_within(address, trusted) and hops:
        address = hops.pop()
    return address if _parsed(address) is not None else peer


def _is_within(address: str, trusted: Sequence[Network]) -> bool:
    found = _parsed(address)
    return found is not None and any(found in network for network in trusted)


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
