"""SaslHandshake (API key 17): chooses a SASL mechanism."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, STRING, wire


@dataclass(slots=True)
class SaslHandshakeRequest:
    API_KEY: ClassVar = ApiKey.SASL_HANDSHAKE
    FLEXIBLE_SINCE: ClassVar[int | None] = None
    VERSIONS: ClassVar = (0, 1)

    mechanism: str = wire(STRING)


@dataclass(slots=True)
class SaslHandshakeResponse:
    API_KEY: ClassVar = ApiKey.SASL_HANDSHAKE
    FLEXIBLE_SINCE: ClassVar[int | None] = None
    VERSIONS: ClassVar = (0, 1)

    error_code: int = wire(INT16)
    mechanisms: list[str] = wire(ARRAY(STRING))
