"""SaslAuthenticate (API key 36): carries one token of a SASL exchange."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import BYTES, INT16, INT64, STRING, wire


@dataclass(slots=True)
class SaslAuthenticateRequest:
    API_KEY: ClassVar = ApiKey.SASL_AUTHENTICATE
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (0, 2)

    auth_bytes: bytes = wire(BYTES)


@dataclass(slots=True)
class SaslAuthenticateResponse:
    API_KEY: ClassVar = ApiKey.SASL_AUTHENTICATE
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (0, 2)

    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
    auth_bytes: bytes = wire(BYTES)
    session_lifetime_ms: int = wire(INT64, since=1)
