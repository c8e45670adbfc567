"""PushTelemetry (API key 72): carries metrics of a client (KIP-714)."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import BOOLEAN, BYTES, INT8, INT16, INT32, UUID, wire


@dataclass(slots=True)
class PushTelemetryRequest:
    API_KEY: ClassVar = ApiKey.PUSH_TELEMETRY
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    client_instance_id: bytes = wire(UUID)
    subscription_id: int = wire(INT32)
    terminating: bool = wire(BOOLEAN)
    compression_type: int = wire(INT8)
    metrics: bytes = wire(BYTES)


@dataclass(slots=True)
class PushTelemetryResponse:
    API_KEY: ClassVar = ApiKey.PUSH_TELEMETRY
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
