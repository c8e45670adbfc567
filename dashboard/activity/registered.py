"""Sites that are registered, be it that nothing came from them yet; read from their topic.

The topic is read when somebody looks at Activity and it has grown since, which the snapshot of the
cluster knows, so pages wait for it once a change and never for a cluster that is away.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from tracker.clock import Clock
from tracker.kafka.client import KafkaFailure

log = logging.getLogger(__name__)

AGAIN_MS: Final = 30_000  # after the topic could not be read


class RegisteredSites:
    """`read` blocks, and raises KafkaFailure; `end` is where the topic ends, None: not known."""

    def __init__(
        self, read: Callable[[], list[str]], end: Callable[[], int | None], clock: Clock
    ) -> None:
        self._read = read
        self._end = end
        self._clock = clock
        self._lock = asyncio.Lock()
        self._read_to: int | None = None
        self._failed_ms = -float(AGAIN_MS)
        self._names: tuple[str, ...] = ()

    async def names(self) -> tuple[str, ...]:
        """By name; what was known before where the topic cannot be read."""
        async with self._lock:
            end = self._end()
            waits = self._clock.monotonic_ms() - self._failed_ms < AGAIN_MS
            if end is not None and end != self._read_to and not waits:
                try:
                    self._names = tuple(await asyncio.to_thread(self._read))
                    self._read_to = end
                except KafkaFailure as error:
                    log.info("registered sites were not read reason=%s", error)
                    self._failed_ms = self._clock.monotonic_ms()
        return self._names
