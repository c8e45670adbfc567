"""Writes small databases of addresses (MaxMind DB format 2.0, IPv4, 24-bit records)."""

import ipaddress
from collections.abc import Mapping
from typing import Any

NODE_BYTES = 6
SEPARATOR_BYTES = 16
MARK = b"\xab\xcd\xefMaxMind.com"


def mmdb(networks: Mapping[str, Any]) -> bytes:
    """The file for networks that do not overlap, and the record of each."""
    nodes: list[list[Any]] = [[None, None]]
    for network, record in networks.items():
        parsed = ipaddress.IPv4Network(network)
        address, length = int(parsed.network_address), parsed.prefixlen
        bits = [address >> (31 - place) & 1 for place in range(length)]
        at = 0
        for bit in bits[:-1]:
            if nodes[at][bit] is None:
                nodes.append([None, None])
                nodes[at][bit] = len(nodes) - 1
            at = nodes[at][bit]
        nodes[at][bits[-1]] = _packed(record)
    tree, data = b"", b""
    for node in nodes:
        for child in node:
            value = len(nodes)  # not found
            if isinstance(child, int):
                value = child
            elif child is not None:
                value = len(nodes) + SEPARATOR_BYTES + len(data)
                data += child
            tree += value.to_bytes(NODE_BYTES // 2, "big")
    about = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_700_000_000,
        "database_type": "Test",
        "description": {"en": "made for a test"},
        "ip_version": 4,
        "languages": ["en"],
        "node_count": len(nodes),
        "record_size": NODE_BYTES // 2 * 8,
    }
    return tree + bytes(SEPARATOR_BYTES) + data + MARK + _packed(about)


NUMBERS = {"node_count": 6, "build_epoch": 9}
"""Kind of a number by its name: 32 and 64 bits; every other has 16."""


def _packed(value: Any, kind: int = 5) -> bytes:
    if isinstance(value, str):
        body = value.encode()
        return _head(2, len(body)) + body
    if isinstance(value, int):
        body = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return _head(kind, len(body)) + body
    if isinstance(value, list):
        return _head(11, len(value)) + b"".join(map(_packed, value))
    pairs = (_packed(key) + _packed(one, NUMBERS.get(key, 5)) for key, one in value.items())
    return _head(7, len(value)) + b"".join(pairs)


def _head(kind: int, size: int) -> bytes:
    """The control byte; kinds from 8 on stand in a second one, sizes up to 284."""
    small = min(size, 29)
    first = bytes([(kind if kind < 8 else 0) << 5 | small])
    return (
        first + (bytes([kind - 7]) if kind >= 8 else b"") + bytes([size - 29] if size > 28 else [])
    )
