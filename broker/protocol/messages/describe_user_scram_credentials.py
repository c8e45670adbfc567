"""DescribeUserScramCredentials (API key 50): tells the SCRAM mechanisms of users."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT8, INT16, INT32, STRING, wire


@dataclass(slots=True)
class UserName:
    name: str = wire(STRING)


@dataclass(slots=True)
class DescribeUserScramCredentialsRequest:
    API_KEY: ClassVar = ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    users: list[UserName] | None = wire(ARRAY(UserName), nullable=0)


@dataclass(slots=True)
class CredentialInfo:
    mechanism: int = wire(INT8)
    iterations: int = wire(INT32)


@dataclass(slots=True)
class DescribeUserScramCredentialsResult:
    user: str = wire(STRING)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
    credential_infos: list[CredentialInfo] = wire(ARRAY(CredentialInfo))


@dataclass(slots=True)
class DescribeUserScramCredentialsResponse:
    API_KEY: ClassVar = ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
    results: list[DescribeUserScramCredentialsResult] = wire(
        ARRAY(DescribeUserScramCredentialsResult)
    )
