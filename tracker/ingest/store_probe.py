"""Writes a record when nobody knows whether one would be stored, so that readiness is true.

A disk that fills up refuses what needs a new block of it, and goes on taking what does not: a probe
is as large as two blocks of a usual file system, and of bytes that do not compress.
"""

import asyncio
import logging
import secrets
from typing import Final

from tracker import topics
from tracker.config import KafkaConfig
from tracker.ingest.readiness import Readiness
from tracker.kafka.client import KafkaFailure
from tracker.kafka.producer import NewRecord, NotStored, Producer
from tracker.kafka.topics import ensure_topics

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0  # between looks whether a probe is needed
RECORD_BYTES: Final = 8_192
MADE_WITHIN_S: Final = 5.0
PREPARE_AGAIN_S: Final = 60.0  # where the topic could not be made
DENIED: Final = 29  # TOPIC_AUTHORIZATION_FAILED


class StoreProbe:
    """One for each worker of the endpoint, beside its events and with their producer."""

    def __init__(self, config: KafkaConfig, producer: Producer, readiness: Readiness) -> None:
        self._config = config
        self._producer = producer
        self._readiness = readiness

    async def run(self) -> None:
        """Until cancelled, or until the cluster does not let us write."""
        await self._readiness.prepared.wait()
        while not await self._is_there():
            await asyncio.sleep(PREPARE_AGAIN_S)
        self._readiness.probed = True
        while self._readiness.probed:
            await asyncio.sleep(LOOK_S)
            if self._readiness.is_unsure():
                await self._probe()

    async def _probe(self) -> None:
        record = NewRecord(secrets.token_bytes(RECORD_BYTES))
        try:
            await self._producer.send(topics.STORE_PROBE, [record])
        except NotStored as refusal:
            if refusal.code == DENIED:
                log.warning("readiness is not probed: %s", refusal)
                self._readiness.probed = False
                self._readiness.probe_stored()
            else:
                self._readiness.probe_not_stored(str(refusal))
        else:
            self._readiness.probe_stored()

    async def _is_there(self) -> bool:
        """Whether the topic could be made; a disk that is full now has room later."""
        try:
            await asyncio.to_thread(self._prepare)
        except KafkaFailure as failure:
            log.warning("readiness is not probed yet: %s", failure)
            return False
        return True

    def _prepare(self) -> None:
        ensure_topics(
            self._config,
            [topics.STORE_PROBE],
            client_id="footfall-ingest",
            timeout_s=MADE_WITHIN_S,
        )
