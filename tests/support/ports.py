"""Ports for processes that a test starts, kills and starts again at the same place.

They lie below the range that the kernel gives out by itself (port 0, connections going out): from
there another process could take a port while its owner is down, and a client that asks for a dead
port again and again ends up connected to itself.
"""

import random
import socket
from contextlib import suppress
from typing import Final

LOWEST: Final = 10_240
HIGHEST: Final = 32_000  # net.ipv4.ip_local_port_range begins at 32768

_given: set[int] = set()
_dice = random.SystemRandom()  # pytest-randomly gives every worker the same dice


def free_port() -> int:
    """A port that nobody listens on now, and that this process has not given out before."""
    while True:
        port = _dice.randrange(LOWEST, HIGHEST)
        if port in _given:
            continue
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            _given.add(port)
            return port
