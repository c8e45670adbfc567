"""The synthetic probe: a record a second, written with acks=all and read again, without any group.

It tells at zero traffic whether the cluster takes records and gives them back, and how fast. Lost
means: acknowledged, and not read within `LOST_S`. What was not acknowledged is a failure, not a
loss. The records live for ten minutes; a probe that is off removes its topic.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from tracker.clock import Clock
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.answers import Reading
from tracker.kafka.changes import NewRecord, Refused
from tracker.kafka.client import KafkaFailure
from tracker.topics import PROBE, TopicPartition

log = logging.getLogger(__name__)

PLACE: Final = TopicPartition(PROBE.name, 0)
LOST_S: Final = 10.0
READ_S: Final = 0.2
STOOD_STILL_MS: Final = 1_000.0  # a read that took longer did not wait: this process did not run
SEEN_MAX: Final = 300
LABELS: Final = ("kafka_cluster",)
BUCKETS: Final = tuple(0.00125 * 2**doubled for doubled in range(14))  # to 10.24 s


class Writer(Protocol):
    """Makes the topic and stores a record; blocks until it is acknowledged."""

    def prepare(self) -> None: ...
    def produce(self, record: NewRecord) -> tuple[int, int]: ...
    def remove(self) -> None: ...


class Reader(Protocol):
    """Reads from an offset on; answered by tracker.kafka.reader.RecordReader."""

    def start(self, positions: Mapping[TopicPartition, int]) -> None: ...
    def read(self, records_max: int, timeout_s: float) -> Reading: ...
    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    on: bool
    interval_s: float
    cluster: str = "local"  # label kafka_cluster


class Probe:
    """One cluster, probed. Numbers may be read from any thread."""

    def __init__(
        self, writer: Writer, reader: Reader, clock: Clock, settings: ProbeSettings
    ) -> None:
        self.settings = settings
        self.recent: deque[tuple[float, float]] = deque(maxlen=SEEN_MAX)  # ack and round trip, s
        self.trouble = ""  # of the last try
        self.sent = self.lost = self.failures = 0
        self._writer, self._reader, self._clock = writer, reader, clock
        self._stop = threading.Event()
        self._ready = self._reading = False
        self._registry = CollectorRegistry()
        self._ack = self._histogram(
            "footfall_probe_ack_seconds",
            "Until a probe record was acknowledged by all in-sync replicas.",
        )
        self._trip = self._histogram(
            "footfall_probe_roundtrip_seconds", "Until a probe record was read again."
        )
        self._count = {
            name: Counter(family, text, LABELS, registry=self._registry).labels(settings.cluster)
            for name, family, text in (
                ("sent", "footfall_probe_sent_total", "Probe records that were acknowledged."),
                (
                    "lost",
                    "footfall_probe_lost_total",
                    "Acknowledged probe records that were not read again in 10 s.",
                ),
                (
                    "failures",
                    "footfall_probe_failures_total",
                    "Probe records that were not acknowledged.",
                ),
            )
        }

    def _histogram(self, family: str, text: str) -> Histogram:
        made = Histogram(family, text, LABELS, buckets=BUCKETS, registry=self._registry)
        return made.labels(self.settings.cluster)

    async def run(self) -> None:
        """Probe until cancelled; when it is off, take away what an earlier one left."""
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, thread_name_prefix="probe")
        try:
            if not self.settings.on:
                await loop.run_in_executor(thread, self._tidy)
            while self.settings.on:
                began_ms = self._clock.monotonic_ms()
                await loop.run_in_executor(thread, self.step)
                spent_s = (self._clock.monotonic_ms() - began_ms) / 1000
                await asyncio.sleep(max(0.0, self.settings.interval_s - spent_s))
        finally:
            self._stop.set()
            thread.shutdown(wait=False, cancel_futures=True)

    def step(self) -> None:
        """One record there and back; blocks, in a thread."""
        try:
            self._step()
        except (Refused, ClusterUnavailable, KafkaFailure) as error:
            self._ready = self._reading = False
            self.trouble = str(error)
            self.failures += 1
            self._count["failures"].inc()

    def _step(self) -> None:
        if not self._ready:
            self._writer.prepare()
            self._ready = True
        began_ms = self._clock.monotonic_ms()
        value = b"%d" % self._clock.now_ms()
        _, offset = self._writer.produce(NewRecord(PROBE.name, 0, None, value))
        ack_s = (self._clock.monotonic_ms() - began_ms) / 1000
        self.sent += 1
        self._count["sent"].inc()
        self._ack.observe(ack_s)
        if not self._reading:
            self._reader.start({PLACE: offset})
            self._reading = True
        if self._came_back(offset):
            trip_s = (self._clock.monotonic_ms() - began_ms) / 1000
            self._trip.observe(trip_s)
            self.recent.append((ack_s, trip_s))
            self.trouble = ""
        elif not self._stop.is_set():
            self._reading = False  # the next one is looked for from its own offset on
            self.lost += 1
            self._count["lost"].inc()
            self.trouble = f"the record at offset {offset} did not come back in {LOST_S:.0f} s"
            log.error("probe record lost topic=%s offset=%d", PROBE.name, offset)

    def _came_back(self, offset: int) -> bool:
        """Whether it was read in time; a machine that slept in between has lost nothing."""
        waited_ms, seen_ms = 0.0, self._clock.monotonic_ms()
        while waited_ms < LOST_S * 1000 and not self._stop.is_set():
            with suppress(
                ClusterUnavailable
            ):  # for the moment: acknowledged, so it must still come
                reading = self._reader.read(1, READ_S)
                if any(record.offset >= offset for record in reading.records):
                    return True
            now_ms = self._clock.monotonic_ms()
            waited_ms += min(now_ms - seen_ms, STOOD_STILL_MS)
            seen_ms = now_ms
        return False

    def _tidy(self) -> None:
        try:
            self._writer.remove()
        except (Refused, ClusterUnavailable) as error:  # it was never there, or nobody answers
            log.debug("topic of the probe not removed reason=%s", error)

    def losses(self) -> float | None:
        """Lost so far; None while it is off."""
        return self.lost if self.settings.on else None

    def exposition(self) -> str:
        """footfall_probe_*; empty when the probe is off."""
        if not self.settings.on:
            return ""
        lines = generate_latest(self._registry).decode().splitlines()
        kept = (line for line in lines if "_created" not in line)
        return "\n".join(kept) + "\n"

    def quantile(self, share: float) -> tuple[float, float] | None:
        """Acknowledgement and round trip of the last five minutes, in seconds."""
        seen = list(self.recent)
        if not seen:
            return None
        at = min(len(seen) - 1, int(share * len(seen)))
        return sorted(ack for ack, _ in seen)[at], sorted(trip for _, trip in seen)[at]
