"""Time, passed in: the only place of the tracker that asks the operating system for it."""

import time
from typing import Protocol


class Clock(Protocol):
    """What a role is given to know the time; tests bring one that they move themselves."""

    def now_ms(self) -> int:
        """Wall clock, milliseconds since 1970 UTC: stamps events, may jump."""

    def monotonic_ms(self) -> float:
        """Milliseconds that only ever grow: for timers and deadlines."""


class SystemClock:
    """The operating system's clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> float:
        return time.monotonic() * 1000.0
