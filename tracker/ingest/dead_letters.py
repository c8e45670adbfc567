"""Refused bodies are kept in topic events.deadletter, so that a mistake can be found and replayed.

Best effort and bounded, in bytes and in number a second: a flood of garbage must not become a flood
of writes. What is not kept is counted.
"""

import asyncio
from typing import Final

from tracker.clock import Clock
from tracker.ingest.outcome import DEAD_LETTERED, Refused
from tracker.kafka.producer import NewRecord, NotStored, Producer
from tracker.metrics import IngestMetrics
from tracker.topics import DEADLETTER

BODY_BYTES_MAX: Final = 64 * 1024
LETTERS_PER_SECOND: Final = 100
"""Of one worker; the same again may come at once after a quiet time."""


class TokenBucket:
    """Allows `rate` takes a second, and as many at once after a pause."""

    __slots__ = ("_at_ms", "_rate", "_tokens")

    def __init__(self, rate: float, now_ms: float) -> None:
        self._rate = rate
        self._tokens = rate
        self._at_ms = now_ms

    def take(self, now_ms: float) -> bool:
        self._tokens = min(self._rate, self._tokens + (now_ms - self._at_ms) * self._rate / 1000)
        self._at_ms = now_ms
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class DeadLetters:
    """Sends and forgets: the sender's refusal does not wait for it."""

    def __init__(self, producer: Producer, metrics: IngestMetrics, clock: Clock) -> None:
        self._producer = producer
        self._metrics = metrics
        self._clock = clock
        self._bucket = TokenBucket(LETTERS_PER_SECOND, clock.monotonic_ms())

    def keep(self, body: bytes, refusal: Refused) -> None:
        if refusal.reason not in DEAD_LETTERED or not body:
            return
        if not self._bucket.take(self._clock.monotonic_ms()):
            self._metrics.dead_letters.labels("skipped").inc()
            return
        record = NewRecord(
            body[:BODY_BYTES_MAX],
            headers=[
                ("dlq_reason", refusal.reason.value.encode()),
                ("dlq_step", refusal.step.encode()),
                ("dlq_timestamp", str(self._clock.now_ms()).encode()),
            ],
        )
        try:
            self._producer.submit(DEADLETTER, [record]).add_done_callback(self._settled)
        except NotStored:
            self._metrics.dead_letters.labels("failed").inc()

    def _settled(self, future: asyncio.Future[None]) -> None:
        failed = future.cancelled() or future.exception() is not None
        self._metrics.dead_letters.labels("failed" if failed else "stored").inc()
