"""Rates against quotas: how long a client must be quiet after it took more than its share.

A rate is what was counted in the last 11 samples of a second over the time they span, at least ten
seconds. Over the quota, the client is quiet until the same sum over a longer time is no more than
the quota: (rate - quota) / quota * time (KIP-13, KIP-219). Changes of the cluster are paid from a
bucket of tokens that may run into debt once (KIP-599).
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from broker.clock import Clock
from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage, QuotaKey
from broker.security.quotas import Limit, Quota, connection_limit_for, limit_for

SAMPLES = 11  # quota.window.num
SAMPLE_MS = 1000  # quota.window.size.seconds
ACCOUNTS_MAX = 10_000  # kept; client ids come from clients, so they are bounded
IDLE_MS = SAMPLES * SAMPLE_MS  # an account untouched for so long counts nothing any more


@dataclass(slots=True)
class RateWindow:
    """Sums of the last samples; times are monotonic milliseconds."""

    samples: deque[list[float]] = field(default_factory=deque)  # [start_ms, sum]
    total: float = 0.0

    def record(self, amount: float, now_ms: float) -> None:
        """Count `amount` (negative: take it back)."""
        self._forget(now_ms)
        if not self.samples or now_ms - self.samples[-1][0] >= SAMPLE_MS:
            self.samples.append([now_ms, 0.0])
        self.samples[-1][1] += amount
        self.total += amount

    def is_empty(self, now_ms: float) -> bool:
        self._forget(now_ms)
        return self.total <= 0

    def throttle_ms(self, quota: float, now_ms: float) -> float:
        """How long to be quiet for the rate to fall to `quota` a second; 0 when below."""
        self._forget(now_ms)
        span_ms = self._span_ms(now_ms)
        rate = self.total / (span_ms / 1000)
        return (rate - quota) / quota * span_ms if rate > quota else 0.0

    def _span_ms(self, now_ms: float) -> float:
        """Since the oldest sample; the samples that never were count in full."""
        least = (SAMPLES - 1) * SAMPLE_MS
        if not self.samples:
            return least
        elapsed = now_ms - self.samples[0][0]
        missing = SAMPLES - 1 - int(elapsed // SAMPLE_MS)
        return elapsed + max(0, missing) * SAMPLE_MS

    def _forget(self, now_ms: float) -> None:
        while self.samples and now_ms - self.samples[0][0] >= SAMPLES * SAMPLE_MS:
            self.total -= self.samples.popleft()[1]
        if not self.samples:
            self.total = 0.0  # and not what rounding left over


@dataclass(slots=True)
class TokenBucket:
    """Tokens for changes: they come at the rate of the quota, up to what 11 seconds bring."""

    tokens: float
    filled_ms: float

    def refill(self, quota: float, now_ms: float) -> None:
        burst = quota * SAMPLES * SAMPLE_MS / 1000
        self.tokens = min(burst, self.tokens + quota * (now_ms - self.filled_ms) / 1000)
        self.filled_ms = now_ms

    def throttle_ms(self, quota: float) -> float:
        return -self.tokens / quota * 1000 if self.tokens < 0 else 0.0


@dataclass(slots=True)
class Throttled:
    """How often clients were told to be quiet, or turned away, and for how long in all."""

    times: int = 0
    quiet_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Client:
    """Whose share is counted."""

    principal: str
    client_id: str

    @property
    def user(self) -> str:
        return self.principal.partition(":")[2]


Account = tuple[str, str | None, str | None]


class ClientQuotas:
    """Counts what clients take, and says how long they must be quiet; no quota, no counting."""

    def __init__(self, image: Callable[[], ClusterImage], clock: Clock) -> None:
        self._image = image
        self._clock = clock
        self._quotas: Mapping[QuotaKey, Mapping[str, float]] = {}
        self._limits: dict[tuple[Quota, Client], Limit | None] = {}
        self._windows: dict[Account, RateWindow] = {}
        self._buckets: dict[Account, TokenBucket] = {}
        self.throttled = {quota: Throttled() for quota in Quota}
        """What quotas have done since the start, for metrics."""

    def counts(self) -> dict[str, tuple[int, float]]:
        """`throttled` by the name of the quota, times and seconds."""
        return {
            quota.value: (one.times, one.quiet_ms / 1000) for quota, one in self.throttled.items()
        }

    @property
    def active(self) -> bool:
        """Whether any quota is set at all."""
        return bool(self._image().quotas)

    def charge(self, quota: Quota, client: Client, amount: float) -> int:
        """Count `amount` against a rate; milliseconds to be quiet."""
        limit = self._limit(quota, client)
        if limit is None:
            return 0
        now_ms = self._clock.monotonic_ms()
        window = self._window((quota, *limit.account), now_ms)
        window.record(amount, now_ms)
        throttle_ms = window.throttle_ms(limit.rate, now_ms)
        if quota is Quota.REQUEST_PERCENTAGE:
            throttle_ms = min(throttle_ms, SAMPLE_MS)
        return self._noted(quota, throttle_ms)

    def grant(self, quota: Quota, client: Client, amount: float) -> tuple[bool, int]:
        """Whether `amount` may be handed out now, and milliseconds to be quiet.

        What is not handed out is not counted. Whoever took nothing lately gets it, however large.
        """
        limit = self._limit(quota, client)
        if limit is None:
            return True, 0
        now_ms = self._clock.monotonic_ms()
        window = self._window((quota, *limit.account), now_ms)
        took_nothing = window.is_empty(now_ms)
        window.record(amount, now_ms)
        throttle_ms = self._noted(quota, window.throttle_ms(limit.rate, now_ms))
        if throttle_ms > 0 and not took_nothing:
            window.record(-amount, now_ms)
            return False, throttle_ms
        return True, throttle_ms

    def most_at_once(self, quota: Quota, client: Client) -> float:
        """What a window of this quota can hold: no answer should carry more."""
        limit = self._limit(quota, client)
        return float("inf") if limit is None else limit.rate * (SAMPLES - 1) * SAMPLE_MS / 1000

    def take_tokens(self, client: Client, count: int, *, strict: bool) -> int:
        """Pay for `count` changes of the cluster; milliseconds to be quiet.

        Strict: THROTTLING_QUOTA_EXCEEDED, and nothing paid, while the client is in debt.
        """
        limit = self._limit(Quota.CONTROLLER_MUTATION_RATE, client)
        if limit is None:
            return 0
        now_ms = self._clock.monotonic_ms()
        bucket = self._bucket((Quota.CONTROLLER_MUTATION_RATE, *limit.account), limit.rate, now_ms)
        if strict and bucket.tokens < 0:
            self._noted(Quota.CONTROLLER_MUTATION_RATE, bucket.throttle_ms(limit.rate))
            raise KafkaError(
                ErrorCode.THROTTLING_QUOTA_EXCEEDED, "The throttling quota has been exceeded."
            )
        bucket.tokens -= count
        return self._noted(Quota.CONTROLLER_MUTATION_RATE, bucket.throttle_ms(limit.rate))

    def debt_ms(self, client: Client) -> int:
        """How long until the client may change the cluster again."""
        limit = self._limit(Quota.CONTROLLER_MUTATION_RATE, client)
        if limit is None:
            return 0
        now_ms = self._clock.monotonic_ms()
        bucket = self._bucket((Quota.CONTROLLER_MUTATION_RATE, *limit.account), limit.rate, now_ms)
        return round(bucket.throttle_ms(limit.rate))

    def connection_delay_ms(self, address: str) -> float:
        """How long an address must wait that opens one more connection now; counted when it is 0.

        Not longer than a sample: then its connection is closed, and it may try again (KIP-612).
        """
        quotas = self._image().quotas
        rate = connection_limit_for(quotas, address) if quotas else None
        if rate is None:
            return 0
        now_ms = self._clock.monotonic_ms()
        window = self._window((Quota.CONNECTION_CREATION_RATE, address, None), now_ms)
        window.record(1, now_ms)
        delay_ms = min(SAMPLE_MS, window.throttle_ms(rate, now_ms))
        if delay_ms > 0:
            window.record(-1, now_ms)
            self._noted(Quota.CONNECTION_CREATION_RATE, delay_ms)
        return delay_ms

    def _noted(self, quota: Quota, throttle_ms: float) -> int:
        """The time to be quiet in whole milliseconds, counted when there is any."""
        if throttle_ms > 0:
            noted = self.throttled[quota]
            noted.times += 1
            noted.quiet_ms += throttle_ms
        return round(throttle_ms)

    def _limit(self, quota: Quota, client: Client) -> Limit | None:
        quotas = self._image().quotas
        if quotas is not self._quotas:
            self._quotas = quotas
            self._limits.clear()
        if not quotas:
            return None
        question = (quota, client)
        if question not in self._limits:
            if len(self._limits) >= ACCOUNTS_MAX:
                self._limits.clear()
            self._limits[question] = limit_for(quotas, quota, client.user, client.client_id)
        return self._limits[question]

    def _window(self, account: Account, now_ms: float) -> RateWindow:
        window = self._windows.get(account)
        if window is None:
            if len(self._windows) >= ACCOUNTS_MAX:
                self._windows = {
                    key: kept
                    for key, kept in self._windows.items()
                    if kept.samples and now_ms - kept.samples[-1][0] < IDLE_MS
                }
            window = self._windows[account] = RateWindow()
        return window

    def _bucket(self, account: Account, quota: float, now_ms: float) -> TokenBucket:
        bucket = self._buckets.get(account)
        if bucket is None:
            if len(self._buckets) >= ACCOUNTS_MAX:
                self._buckets = {
                    key: kept
                    for key, kept in self._buckets.items()
                    if kept.tokens < 0 or now_ms - kept.filled_ms < IDLE_MS
                }
            bucket = self._buckets[account] = TokenBucket(quota * SAMPLES, now_ms)
        bucket.refill(quota, now_ms)
        return bucket
