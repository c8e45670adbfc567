"""A thread that watches the event loop, and tells when it stands still: why, and for how long.

One call that does not return stops everything at once, as when the only disk hangs in a write or a
sync that the loop makes itself (docs/adr/0058): no client is answered, no metric, no question for
health. From then on this thread answers whoever comes to the HTTP port, 503 with one sentence, and
writes that sentence to the log (docs/adr/0062).
"""

import asyncio
import logging
import os
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from types import FrameType

from broker.storage.files import OsFile

log = logging.getLogger(__name__)

STANDSTILL_S = 4.0
LOOK_S = 0.5
PAUSE_S = 2.0  # a look so much late: the process was stopped, or the machine slept
REQUEST_S = 0.5  # for a request to come; all get the same answer, so it is not understood
REQUEST_BYTES = 65_536


class Standstill:
    """`run` it on the loop that is to be watched."""

    def __init__(self, standstill_s: float = STANDSTILL_S, look_s: float = LOOK_S) -> None:
        self._standstill_s, self._look_s = standstill_s, look_s
        self._loop_thread = threading.get_ident()
        self._beaten_s = monotonic()  # when the loop was last seen to go on
        self._stood_since_s = 0.0  # 0: it goes on
        self._doors: list[socket.socket] = []
        self._stopping = threading.Event()

    async def run(self, listening: Sequence[int]) -> None:
        """Watch until cancelled.

        `listening`: descriptors of sockets at which the loop takes questions by HTTP.
        """
        self._doors = [socket.socket(fileno=os.dup(descriptor)) for descriptor in listening]
        thread = threading.Thread(target=self._watch, name="standstill", daemon=True)
        thread.start()
        try:
            while True:
                self._beaten_s = monotonic()
                await asyncio.sleep(self._look_s)
        finally:
            self._stopping.set()
            await asyncio.to_thread(thread.join)
            for door in self._doors:
                door.close()

    def _watch(self) -> None:
        looked_s = monotonic()
        while not self._stopping.wait(self._look_s):
            was_s, looked_s = looked_s, monotonic()
            if looked_s - was_s > self._look_s + PAUSE_S:
                self._beaten_s = looked_s  # nothing of this process ran, the loop neither
            self._look()

    def _look(self) -> None:
        if not self._stands_still():
            if self._stood_since_s:
                stood_s = self._beaten_s - self._stood_since_s
                log.warning("the event loop goes on, it stood still for %.0f s", stood_s)
            self._stood_since_s = 0.0
            return
        if self._stood_since_s != self._beaten_s:
            self._stood_since_s = self._beaten_s
            log.error("%s", self._told())
        for door in self._doors:
            with suppress(OSError):  # nobody is there
                while self._stands_still():
                    _answer(door.accept()[0], self._told())

    def _stands_still(self) -> bool:
        return monotonic() - self._beaten_s > self._standstill_s

    def _told(self) -> str:
        cause = cause_of(sys._current_frames().get(self._loop_thread))
        return f"the event loop has stood still for {monotonic() - self._beaten_s:.0f} s: {cause}"


def cause_of(frame: FrameType | None) -> str:
    """What a thread waits for that is in this frame; the broker's own code says most."""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if isinstance(file := frame.f_locals.get("self"), OsFile):
            return f"the disk does not answer, it waits for {file.path}"
        if module.startswith("broker."):
            return f"it is in {frame.f_code.co_qualname} of {module}, line {frame.f_lineno}"
        frame = frame.f_back
    return "it is in no code of the broker"


def _answer(asker: socket.socket, told: str) -> None:
    body = f"{told}\n".encode()
    head = (
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with asker, suppress(OSError):
        asker.settimeout(REQUEST_S)
        asker.recv(REQUEST_BYTES)
        asker.sendall(head.encode() + body)
        asker.shutdown(socket.SHUT_WR)
