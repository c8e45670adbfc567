"""When the next lock of each share partition ends."""

from collections.abc import Callable

from broker.clock import Clock
from broker.coordinator.group.timers import NEVER, Timers
from broker.coordinator.share.records import ShareKey


class ShareLocks:
    """Deadlines of share partitions on the monotonic clock, milliseconds; one each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timers = Timers()
        self._keys: dict[str, ShareKey] = {}

    @property
    def now_ms(self) -> float:
        """On the clock of the deadlines."""
        return self._clock.monotonic_ms()

    def schedule(self, key: ShareKey, ends_at: float) -> None:
        """Attend to the share partition at `ends_at` at the latest; NEVER: as it was."""
        if ends_at < NEVER:
            self._keys[str(key)] = key
            self._timers.schedule(str(key), ends_at)

    async def run(self, attend: Callable[[ShareKey], None]) -> None:
        """Call `attend` for each share partition that is due, until cancelled."""
        await self._timers.run(self._clock, lambda text: attend(self._keys.pop(text)))
