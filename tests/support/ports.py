"""Ports for processes that a test starts, kills and starts again at the same place.

They lie below the range that the kernel gives out by itself (port 0, connections going out): from
there another process could take a port while its owner is down, and a client that asks for a dead
port again and again ends up connected to itself.

No port is given twice in a run, each test worker has some of its own: clients that outlive their
test ask for its broker for minutes, and would come to another test's.
"""

import os
import random
import socket
from contextlib import suppress
from typing import Final

LOWEST: Final = 10_240
HIGHEST: Final = 32_000  # net.ipv4.ip_local_port_range begins at 32768

_WORKERS: Final = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_MINE: Final = range(LOWEST + _WORKER % _WORKERS, HIGHEST, _WORKERS)

_given: set[int] = set()
_dice = random.SystemRandom()  # pytest-randomly gives every worker the same dice


def free_port() -> int:
    """A port that nobody listens on now, and that this process has not given out before."""
    while True:
        port = _dice.choice(_MINE)
        if port in _given:
            continue
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            _given.add(port)
            return port
