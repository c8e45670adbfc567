"""AlterUserScramCredentials (API key 51): sets and removes SCRAM credentials."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BYTES, INT8, INT16, INT32, STRING, wire


@dataclass(slots=True)
class ScramCredentialDeletion:
    name: str = wire(STRING)
    mechanism: int = wire(INT8)


@dataclass(slots=True)
class ScramCredentialUpsertion:
    name: str = wire(STRING)
    mechanism: int = wire(INT8)
    iterations: int = wire(INT32)
    salt: bytes = wire(BYTES)
    salted_password: bytes = wire(BYTES)


@dataclass(slots=True)
class AlterUserScramCredentialsRequest:
    API_KEY: ClassVar = ApiKey.ALTER_USER_SCRAM_CREDENTIALS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    deletions: list[ScramCredentialDeletion] = wire(ARRAY(ScramCredentialDeletion))
    upsertions: list[ScramCredentialUpsertion] = wire(ARRAY(ScramCredentialUpsertion))


@dataclass(slots=True)
class AlterUserScramCredentialsResult:
    user: str = wire(STRING)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)


@dataclass(slots=True)
class AlterUserScramCredentialsResponse:
    API_KEY: ClassVar = ApiKey.ALTER_USER_SCRAM_CREDENTIALS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    throttle_time_ms: int = wire(INT32)
    results: list[AlterUserScramCredentialsResult] = wire(ARRAY(AlterUserScramCredentialsResult))
