"""Whether an event posted now would be stored: the topics exist, the sites are read, the broker
answered lately, and it stored the newest record that it was given.

A broker whose disk is full answers questions and stores nothing, so what became of the last event
counts as well, and while nobody sends events that of a probe record (store_probe). A refused event
speaks against the next one for a while, and until a probe was stored; where no probe may be
written, the next event after that while may try.
"""

import asyncio
import logging
from typing import Final

from tracker import topics
from tracker.clock import Clock
from tracker.config import KafkaConfig
from tracker.ingest.steps.known_sites import KnownSites
from tracker.kafka.client import KafkaFailure
from tracker.kafka.topics import ensure_topics
from tracker.sites import SiteReader

log = logging.getLogger(__name__)

SILENCE_MS_MAX: Final = 5_000  # the broker not heard of for so long: not ready
REFUSAL_MS_MAX: Final = 15_000  # so long a refused event speaks against the next one
PROBE_EVERY_MS: Final = 5_000  # of silence about records, until a probe is written
POLL_S: Final = 0.2  # a new site is known at once; this bounds only how fast we stop
ASK_EVERY_MS: Final = 2_000
RETRY_S: Final = 0.5
ATTEMPT_S: Final = 1.0


class Readiness:
    """Prepares the broker's side, then follows the registry of sites for ever."""

    def __init__(self, config: KafkaConfig, reader: SiteReader, clock: Clock) -> None:
        self._config = config
        self._reader = reader
        self._clock = clock
        self._heard_at_ms = clock.monotonic_ms()
        self._refused_at_ms: float | None = None
        self._refusal = ""
        self._probe_refusal = ""
        self._told_at_ms = self._heard_at_ms  # of the last record that was stored, or not
        self.probed = False  # a probe record may be written
        self.known_sites = KnownSites(reader.sites)
        self.prepared = asyncio.Event()

    def problem(self) -> str | None:
        """None when ready, else what is missing, for people."""
        if not self.prepared.is_set():
            return "the broker has not been reached yet"
        silence_ms = self._silence_ms()
        if silence_ms > SILENCE_MS_MAX:
            return f"the broker has not answered for {silence_ms / 1000:.0f} s"
        if self._refused_at_ms is not None:
            age_ms = self._clock.monotonic_ms() - self._refused_at_ms
            if age_ms <= REFUSAL_MS_MAX or self.probed:
                return f"an event could not be stored {age_ms / 1000:.0f} s ago: {self._refusal}"
        if self._probe_refusal:
            return f"a probe record could not be stored: {self._probe_refusal}"
        return None

    def stored(self) -> None:
        """An event was stored."""
        self._refused_at_ms = None
        self._probe_refusal = ""
        self._told_at_ms = self._clock.monotonic_ms()

    def not_stored(self, reason: str) -> None:
        """An event was given to the broker, and not acknowledged."""
        self._refused_at_ms = self._told_at_ms = self._clock.monotonic_ms()
        self._refusal = reason

    def is_unsure(self) -> bool:
        """Nobody knows whether a record would be stored now: a probe should tell."""
        if not self.prepared.is_set():
            return False
        doubted = self._refused_at_ms is not None or bool(self._probe_refusal)
        return doubted or self._clock.monotonic_ms() - self._told_at_ms >= PROBE_EVERY_MS

    def probe_stored(self) -> None:
        """A refused event speaks on for its while: it may be about its topic alone."""
        now_ms = self._told_at_ms = self._clock.monotonic_ms()
        self._probe_refusal = ""
        if self._refused_at_ms is not None and now_ms - self._refused_at_ms > REFUSAL_MS_MAX:
            self._refused_at_ms = None

    def probe_not_stored(self, reason: str) -> None:
        self._told_at_ms = self._clock.monotonic_ms()
        self._probe_refusal = reason

    async def run(self) -> None:
        """Until cancelled; a broker that is away is waited for."""
        while not self.prepared.is_set():
            try:
                await asyncio.to_thread(self._prepare)
                self.heard()
                self.known_sites.ready = True
                self.prepared.set()
            except KafkaFailure as failure:
                log.warning("waiting for the broker: %s", failure)
                await asyncio.sleep(RETRY_S)
        while True:
            try:
                for record in await asyncio.to_thread(self._reader.poll, POLL_S):
                    self._reader.apply(record)
                if self._silence_ms() > ASK_EVERY_MS:
                    await asyncio.to_thread(self._reader.ask)
                    self.heard()
            except KafkaFailure as failure:
                log.debug("the broker does not answer: %s", failure)
                await asyncio.sleep(RETRY_S)

    def _prepare(self) -> None:
        ensure_topics(self._config, topics.ALL, client_id="footfall-ingest", timeout_s=ATTEMPT_S)
        self._reader.read_to_end()

    def _silence_ms(self) -> float:
        return self._clock.monotonic_ms() - self._heard_at_ms

    def heard(self) -> None:
        """The broker answered."""
        self._heard_at_ms = self._clock.monotonic_ms()
