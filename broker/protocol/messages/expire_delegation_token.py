"""ExpireDelegationToken (API key 40): shortens or ends the life of a delegation token."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import BYTES, INT16, INT32, INT64, wire


@dataclass(slots=True)
class ExpireDelegationTokenRequest:
    API_KEY: ClassVar = ApiKey.EXPIRE_DELEGATION_TOKEN
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (1, 2)

    hmac: bytes = wire(BYTES)
    expiry_time_period_ms: int = wire(INT64)


@dataclass(slots=True)
class ExpireDelegationTokenResponse:
    API_KEY: ClassVar = ApiKey.EXPIRE_DELEGATION_TOKEN
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (1, 2)

    error_code: int = wire(INT16)
    expiry_timestamp_ms: int = wire(INT64)
    throttle_time_ms: int = wire(INT32)
