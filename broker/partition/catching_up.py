"""Waiting until what acks=1 was told is there for readers too.

Apache Kafka with one replica commits a record when it is written; here it is committed when it is
on disk, some milliseconds after acks=1 was answered. Who asks in between for the end of the
partition, or for a place in it, would not find what was just acknowledged.
"""

import logging

from broker.partition.partition import Partition
from broker.partition.watcher import Watcher

log = logging.getLogger(__name__)
PATIENCE_S = 5.0
"""A disk that hangs longer than this must not hold up questions: they get what is committed."""


async def catch_up(partition: Partition) -> None:
    """Return when all that is written now is committed, or the partition is gone."""
    end = partition.log_end_offset
    patient_until = partition.loop.time() + PATIENCE_S
    while partition.is_online and partition.high_watermark < end:
        if partition.loop.time() >= patient_until:
            log.warning("%s is not committed up to %d in %s s", partition, end, PATIENCE_S)
            return
        watcher = Watcher(bytes_wanted=1)
        partition.watch(watcher)
        timer = partition.loop.call_at(patient_until, watcher.expire)
        try:
            await watcher.future
        finally:
            timer.cancel()
            partition.unwatch(watcher)
