"""Client metrics (KIP-714): which client pushes what how often, and the newest of what was pushed.

Everything is bounded: the clients that are known (the one heard of longest ago goes first), the
values that are kept of all of them together, the size of a push. A client that is silent for three
of its intervals, and a minute at least, is forgotten with its values. One that connects again need
not wait for its interval: when its connection ends, no more than its values is kept.
"""

import logging
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import crc32c

from broker.clock import Clock
from broker.config import BrokerConfig
from broker.errors import ErrorCode, KafkaError
from broker.metadata.client_metrics_configs import (
    ALL_METRICS,
    INTERVAL_MS_DEFAULT,
    Subscription,
    subscriptions,
)
from broker.metadata.image import ClusterImage
from broker.protocol.primitives import ZERO_UUID, uuid_text
from broker.records.compression import Codec, decompress
from broker.telemetry.client import TelemetryClient
from broker.telemetry.metrics import ClientTelemetryMetrics, ClientValue, Labels, labels_of
from broker.telemetry.otlp import Point, decode

log = logging.getLogger(__name__)

CLIENTS_MAX = 16_384  # as many as Apache Kafka knows at once
KEPT_AT_LEAST_MS = 60_000
ACCEPTED_COMPRESSION = (Codec.ZSTD, Codec.LZ4, Codec.GZIP, Codec.SNAPPY)
"""In the order in which clients shall prefer them."""
_NO_VERSION = -1  # of subscriptions
_RESERVED_IDS = (ZERO_UUID, (1).to_bytes(16, "big"))


@dataclass(frozen=True, slots=True)
class Granted:
    """What a client is asked to push."""

    instance_id: bytes
    subscription_id: int
    interval_ms: int
    metrics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Push:
    instance_id: bytes
    subscription_id: int
    is_last: bool
    compression: int
    payload: bytes


@dataclass(slots=True)
class _Kept:
    """The newest value of a metric, and the attributes that its labels were made of."""

    attributes: Labels
    value: float


@dataclass(slots=True)
class _Instance:
    """One client as it was last heard of. Times are monotonic milliseconds."""

    client: TelemetryClient
    granted: Granted
    version: int
    """Of the subscriptions that `granted` was found in"""
    asked_at: float = float("-inf")
    pushed_at: float = float("-inf")
    heard_at: float = 0.0
    has_ended: bool = False
    """Its last push said so: the next one is refused, as in Apache Kafka, and may take it back."""
    last_error: ErrorCode = ErrorCode.NONE
    values: dict[tuple[str, Labels], _Kept] = field(default_factory=dict)


class Telemetry:
    """Answers clients; `metrics` tells what was kept when it is scraped."""

    def __init__(
        self,
        config: BrokerConfig,
        image: Callable[[], ClusterImage],
        clock: Clock,
        metrics: ClientTelemetryMetrics,
    ) -> None:
        self.max_bytes = config.telemetry_max_bytes
        self._series_max = config.telemetry_series_max
        self._image = image
        self._clock = clock
        self.metrics = metrics
        self._instances: OrderedDict[bytes, _Instance] = OrderedDict()
        self._of_connections: dict[int, bytes] = {}
        self._series = 0
        self._subscriptions: list[Subscription] = []
        self._image_version = -1
        self._version = 0
        metrics.values = self._tell
        metrics.instances = lambda: len(self._instances)

    @property
    def is_wanted(self) -> bool:
        """Whether anybody subscribed to anything: else clients need not know of it."""
        self._refresh()
        return bool(self._subscriptions)

    def subscribe(self, client: TelemetryClient, asked: bytes) -> Granted:
        """GetTelemetrySubscriptions; THROTTLING_QUOTA_EXCEEDED before the interval is over."""
        instance = self._find(client, uuid.uuid4().bytes if asked == ZERO_UUID else asked)
        now = self._clock.monotonic_ms()
        heard = max(instance.asked_at, instance.pushed_at)
        may_ask_again = instance.last_error in (
            ErrorCode.UNKNOWN_SUBSCRIPTION_ID,
            ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
        )
        if now - heard < instance.granted.interval_ms and not may_ask_again:
            raise self._too_early(instance)
        instance.asked_at = now
        instance.last_error = ErrorCode.NONE
        return instance.granted

    def push(self, client: TelemetryClient, push: Push) -> None:
        """PushTelemetry: keep what the client tells. Raises what it did wrong."""
        if push.instance_id in _RESERVED_IDS:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "invalid client instance id")
        instance = self._find(client, push.instance_id)
        try:
            self._check(instance, push)
            if push.payload:
                self._keep(instance, self._points(push))
        except KafkaError as refusal:
            instance.last_error = refusal.code
            if refusal.code is ErrorCode.INVALID_RECORD:
                self.metrics.plugin_errors += 1
            raise
        finally:
            instance.has_ended = push.is_last
        instance.last_error = ErrorCode.NONE

    def connection_closed(self, connection_id: int) -> None:
        """Whoever was first heard of there may connect again and ask at once."""
        instance = self._instances.get(self._of_connections.pop(connection_id, b""))
        if instance is not None:
            instance.version = _NO_VERSION

    def _check(self, instance: _Instance, push: Push) -> None:
        if instance.has_ended:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "the client said that it ends")
        now = self._clock.monotonic_ms()
        just_asked = instance.asked_at > instance.pushed_at
        if just_asked or now - instance.pushed_at >= instance.granted.interval_ms:
            instance.pushed_at = now
        elif not push.is_last:
            raise self._too_early(instance)
        if push.subscription_id != instance.granted.subscription_id:
            self.metrics.unknown_subscriptions += 1
            raise KafkaError(ErrorCode.UNKNOWN_SUBSCRIPTION_ID, "not the client's subscription")
        if push.compression not in list(Codec):
            raise KafkaError(
                ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, f"compression type {push.compression}"
            )
        if len(push.payload) > self.max_bytes:
            raise KafkaError(ErrorCode.TELEMETRY_TOO_LARGE, f"more than {self.max_bytes} bytes")

    def _points(self, push: Push) -> list[Point]:
        try:
            payload = decompress(push.compression, push.payload, self.max_bytes)
        except KafkaError as damage:
            raise KafkaError(ErrorCode.INVALID_RECORD, damage.message) from damage
        points = decode(payload, self._series_max)
        self.metrics.plugin_exports += 1
        return points

    def _keep(self, instance: _Instance, points: list[Point]) -> None:
        values = instance.values
        for point in points:
            key = (point.metric, labels_of(point.attributes))
            kept = values.get(key)
            if kept is None and self._series < self._series_max:
                self._series += 1
                values[key] = _Kept(point.attributes, point.value)
            elif kept is None or kept.attributes != point.attributes:
                self.metrics.dropped += 1
            else:
                kept.value = point.value + kept.value if point.is_delta else point.value

    # -- who is known ------------------------------------------------------------------------

    def _find(self, client: TelemetryClient, instance_id: bytes) -> _Instance:
        """The client's entry, made anew when subscriptions changed; it is the youngest now."""
        self._refresh()
        self._forget_silent()
        instance = self._instances.get(instance_id)
        if instance is None:
            granted = self._grant(client, instance_id)
            instance = self._instances[instance_id] = _Instance(client, granted, self._version)
            self._of_connections[client.connection_id] = instance_id
            if len(self._instances) > CLIENTS_MAX:
                self._drop(next(iter(self._instances)))
        elif instance.version != self._version:
            granted = self._grant(client, instance_id)
            anew = _Instance(client, granted, self._version, values=instance.values)
            instance = self._instances[instance_id] = anew
            self._of_connections[client.connection_id] = instance_id
        self._instances.move_to_end(instance_id)
        instance.heard_at = self._clock.monotonic_ms()
        return instance

    def _refresh(self) -> None:
        image = self._image()
        if image.version == self._image_version:
            return
        self._image_version = image.version
        found = subscriptions(image)
        if found != self._subscriptions:
            self._subscriptions = found
            self._version += 1

    def _grant(self, client: TelemetryClient, instance_id: bytes) -> Granted:
        attributes = client.attributes(instance_id)
        matching = [one for one in self._subscriptions if one.matches(attributes)]
        metrics = frozenset[str]().union(*(one.metrics for one in matching))
        if ALL_METRICS in metrics:
            metrics = frozenset({ALL_METRICS})
        interval_ms = min((one.interval_ms for one in matching), default=INTERVAL_MS_DEFAULT)
        interval_ms = min(interval_ms, INTERVAL_MS_DEFAULT)
        told = tuple(sorted(metrics))
        text = f"{told}{interval_ms}".encode()
        digest = int(crc32c.crc32c(text + instance_id))
        return Granted(instance_id, digest - (1 << 31), interval_ms, told)

    def _forget_silent(self) -> None:
        """Whoever was silent for too long, looked at from the one heard of longest ago."""
        now = self._clock.monotonic_ms()
        while self._instances:
            instance_id, oldest = next(iter(self._instances.items()))
            kept_ms = max(KEPT_AT_LEAST_MS, 3 * oldest.granted.interval_ms)
            if oldest.has_ended:
                kept_ms = KEPT_AT_LEAST_MS
            if now - oldest.heard_at <= kept_ms:
                return
            self._drop(instance_id)

    def _drop(self, instance_id: bytes) -> None:
        self._series -= len(self._instances.pop(instance_id).values)

    def _too_early(self, instance: _Instance) -> KafkaError:
        self.metrics.throttled += 1
        return KafkaError(
            ErrorCode.THROTTLING_QUOTA_EXCEEDED,
            f"the push interval of {instance.granted.interval_ms} ms is not over",
        )

    def _tell(self) -> Iterator[ClientValue]:
        """Every value that is kept, for the exposition."""
        self._forget_silent()
        for instance_id, instance in self._instances.items():
            client_id, told_id = instance.client.client_id, uuid_text(instance_id)
            for (metric, labels), kept in instance.values.items():
                yield ClientValue(client_id, told_id, metric, labels, kept.value)
