"""Waiting until what acks=1 was told is there for readers too.

Apache Kafka with one replica commits a record when it is written; here it is committed when it is
on disk, some milliseconds after acks=1 was answered. Who asks in between for the end of the
partition, or for a place in it, would not find what was just acknowledged.
"""

import asyncio
import logging
from collections.abc import Callable

from broker.partition.partition import Partition
from broker.partition.watcher import Watcher

log = logging.getLogger(__name__)
PATIENCE_S = 5.0
"""A disk that hangs longer than this must not hold up questions: they get what is committed."""


class CatchingUp:
    """The patience of one request, for all the partitions that it asks for together."""

    def __init__(self, on_wait: Callable[[], None]) -> None:
        """`on_wait` is told each time it has to wait."""
        self._on_wait = on_wait
        self._loop = asyncio.get_running_loop()
        self._patient_until = self._loop.time() + PATIENCE_S
        self._is_told = False

    async def wait_for(self, partition: Partition) -> None:
        """Until all that is written now is committed, the partition is gone, or time is up."""
        end = partition.log_end_offset
        while partition.is_online and partition.high_watermark < end:
            if self._loop.time() >= self._patient_until:
                self._tell(partition, end)
                return
            self._on_wait()
            watcher = Watcher(bytes_wanted=1)
            partition.watch(watcher)
            timer = self._loop.call_at(self._patient_until, watcher.expire)
            try:
                await watcher.future
            finally:
                timer.cancel()
                partition.unwatch(watcher)

    def _tell(self, partition: Partition, end: int) -> None:
        """Once a request: with a disk that hangs, all its partitions are behind."""
        if not self._is_told:
            log.warning("%s is not committed up to %d in %s s", partition, end, PATIENCE_S)
        self._is_told = True
