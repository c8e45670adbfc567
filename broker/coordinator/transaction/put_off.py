"""Background work that was refused and is tried again: told when it begins, not every round.

Rounds come every second, and a disk may stay full for hours, under thousands of transactions.
"""

import logging

from broker.clock import Clock
from broker.errors import ErrorCode, KafkaError
from broker.sparing_log import SparingLog

log = logging.getLogger(__name__)

TOLD_AGAIN_MS = 3_600_000
TOLD_MAX = 1_000


class PutOff:
    """What is refused at the moment, by the name of what it is done for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines = SparingLog(log, "put off to the next round")
        self._told: dict[str, set[ErrorCode]] = {}
        self._forget_at_ms = 0.0

    def refused(self, of: str, error: KafkaError) -> None:
        """Told once for each reason until it is done, and again every hour.

        After `TOLD_MAX` names in an hour no other one is told: the disk is the matter, not they.
        """
        now_ms = self._clock.monotonic_ms()
        if now_ms >= self._forget_at_ms:
            self._told.clear()
            self._forget_at_ms = now_ms + TOLD_AGAIN_MS
        if of not in self._told and len(self._told) >= TOLD_MAX:
            return
        reasons = self._told.setdefault(of, set())
        if error.code not in reasons:
            reasons.add(error.code)
            message = "put off to the next round: %s of=%s"
            self._lines.tell(logging.WARNING, now_ms / 1000, message, error, of)

    def done(self, of: str) -> None:
        """It went well: its next refusal is news."""
        self._told.pop(of, None)
