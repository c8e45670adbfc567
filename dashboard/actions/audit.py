"""Who changed what: a log line at once, and a record on the topic `footfall.audit`.

The record is sent by a task of its own from a bounded queue, so that a cluster that is away delays
no answer; what does not fit is counted and stays in the log.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dashboard.identity import Identity
from tracker.clock import Clock
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.changes import Refused
from tracker.kafka.client import KafkaFailure

log = logging.getLogger("dashboard.audit")

WAITING_MAX: Final = 1_000
AGAIN_S: Final = 5.0
ATTEMPTS: Final = 12

Store = Callable[[bytes, bytes], None]
"""Key and value on the audit topic; blocks, raises when it is not stored."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing somebody did or was kept from doing."""

    who: Identity
    action: str
    cluster: str
    subject: str
    outcome: str  # done, dry run, refused: ..., failed: ...
    details: Any = None


class Audit:
    """Takes entries; `run` stores them."""

    def __init__(self, clock: Clock, store: Store | None = None) -> None:
        self._clock = clock
        self._store = store
        self._waiting: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue(WAITING_MAX)
        self.dropped = 0

    def note(self, entry: Entry) -> None:
        """Never waits and never fails."""
        body = {
            "at_ms": self._clock.now_ms(),
            "who": entry.who.name,
            "role": entry.who.role.word,
            "host": entry.who.host,
            "action": entry.action,
            "cluster": entry.cluster,
            "subject": entry.subject,
            "outcome": entry.outcome,
            "details": entry.details,
        }
        text = json.dumps(body, separators=(",", ":"))  # escapes line breaks and control letters
        log.info("audit %s", text)
        if self._store is None:
            return
        try:
            self._waiting.put_nowait((entry.subject.encode(), text.encode()))
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        """Store entries until cancelled; what waits then is in the log."""
        while self._store is not None:
            key, value = await self._waiting.get()
            for _ in range(ATTEMPTS):
                try:
                    await asyncio.to_thread(self._store, key, value)
                    break
                except (Refused, ClusterUnavailable, KafkaFailure) as error:
                    log.debug("audit record not stored yet reason=%s", error)
                    await asyncio.sleep(AGAIN_S)
            else:
                self.dropped += 1
                log.warning("audit record given up, it stands in this log only")
