"""A bound on how many requests a second one address may send; off unless it is set."""

from typing import Final

from tracker.clock import Clock
from tracker.ingest.dead_letters import TokenBucket

ADDRESSES_MAX: Final = 50_000


class Rates:
    """Remembers the last 50,000 addresses, in memory only."""

    def __init__(self, requests_per_second: int, clock: Clock) -> None:
        self._rate = requests_per_second
        self._clock = clock
        self._buckets: dict[str, TokenBucket] = {}

    def allow(self, address: str) -> bool:
        if not self._rate:
            return True
        now_ms = self._clock.monotonic_ms()
        bucket = self._buckets.get(address)
        if bucket is None:
            if len(self._buckets) >= ADDRESSES_MAX:
                del self._buckets[next(iter(self._buckets))]
            bucket = self._buckets[address] = TokenBucket(self._rate, now_ms)
        return bucket.take(now_ms)
