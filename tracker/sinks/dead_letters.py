"""Dead letters: records that are no event go to their own topic, so that they block nothing.

At least once: a crash between this and the sink's transaction repeats them. The header
`dlq_origin` (topic-partition@offset) tells repeats apart.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from tracker.config import KafkaConfig
from tracker.kafka.client import Record
from tracker.kafka.producer import NewRecord, Producer
from tracker.topics import DEADLETTER

VALUE_BYTES_MAX = 64 * 1024
SEND_TIMEOUT_MS = 5_000


class Poison(NamedTuple):
    """A record that cannot be used, and why, in one word and in a sentence."""

    record: Record
    reason: str
    detail: str


def letter(poison: Poison, step: str, now_ms: int) -> NewRecord:
    """The dead letter: the value as it came, at most VALUE_BYTES_MAX of it, and its story."""
    record = poison.record
    return NewRecord(
        value=(record.value or b"")[:VALUE_BYTES_MAX],
        key=record.key,
        headers=[
            ("dlq_reason", poison.reason),
            ("dlq_detail", poison.detail),
            ("dlq_step", step),
            ("dlq_timestamp", str(now_ms)),
            ("dlq_origin", f"{record.topic}-{record.partition}@{record.offset}"),
        ],
    )


class DeadLetters:
    """Sends from a worker's plain loop; the producer is made when the first one is needed."""

    def __init__(self, settings: KafkaConfig, step: str) -> None:
        self._settings = settings
        self._step = step
        self._runner = asyncio.Runner()
        self._producer: Producer | None = None

    def send(self, poison: Sequence[Poison], now_ms: int) -> None:
        """Return when all are stored; raises NotStored."""
        self._runner.run(self._send([letter(one, self._step, now_ms) for one in poison]))

    def close(self) -> None:
        if self._producer is not None:
            self._runner.run(self._producer.close())
        self._runner.close()

    async def _send(self, letters: Sequence[NewRecord]) -> None:
        if self._producer is None:
            self._producer = Producer(
                self._settings,
                client_id=f"footfall-{self._step}-dead-letters",
                acknowledge_timeout_ms=SEND_TIMEOUT_MS,
            )
        await self._producer.send(DEADLETTER, letters)
