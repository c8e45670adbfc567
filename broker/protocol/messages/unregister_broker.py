"""UnregisterBroker (API key 64): removes a broker that is gone from the cluster."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import INT16, INT32, STRING, wire


@dataclass(slots=True)
class UnregisterBrokerRequest:
    API_KEY: ClassVar = ApiKey.UNREGISTER_BROKER
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    broker_id: int = wire(INT32)


@dataclass(slots=True)
class UnregisterBrokerResponse:
    API_KEY: ClassVar = ApiKey.UNREGISTER_BROKER
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
