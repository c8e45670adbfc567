"""GetTelemetrySubscriptions (API key 71): tells a client which of its metrics to push (KIP-714)."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT8, INT16, INT32, STRING, UUID, wire


@dataclass(slots=True)
class GetTelemetrySubscriptionsRequest:
    API_KEY: ClassVar = ApiKey.GET_TELEMETRY_SUBSCRIPTIONS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    client_instance_id: bytes = wire(UUID)


@dataclass(slots=True)
class GetTelemetrySubscriptionsResponse:
    API_KEY: ClassVar = ApiKey.GET_TELEMETRY_SUBSCRIPTIONS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    client_instance_id: bytes = wire(UUID)
    subscription_id: int = wire(INT32)
    accepted_compression_types: list[int] = wire(ARRAY(INT8))
    push_interval_ms: int = wire(INT32)
    telemetry_max_bytes: int = wire(INT32)
    delta_temporality: bool = wire(BOOLEAN)
    requested_metrics: list[str] = wire(ARRAY(STRING))
