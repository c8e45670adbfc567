"""DescribeDelegationToken (API key 41): lists delegation tokens."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BYTES, INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class DescribeDelegationTokenOwner:
    principal_type: str = wire(STRING)
    principal_name: str = wire(STRING)


@dataclass(slots=True)
class DescribeDelegationTokenRequest:
    API_KEY: ClassVar = ApiKey.DESCRIBE_DELEGATION_TOKEN
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (1, 3)

    owners: list[DescribeDelegationTokenOwner] | None = wire(
        ARRAY(DescribeDelegationTokenOwner), nullable=0
    )


@dataclass(slots=True)
class DescribedDelegationTokenRenewer:
    principal_type: str = wire(STRING)
    principal_name: str = wire(STRING)


@dataclass(slots=True)
class DescribedDelegationToken:
    principal_type: str = wire(STRING)
    principal_name: str = wire(STRING)
    token_requester_principal_type: str = wire(STRING, since=3)
    token_requester_principal_name: str = wire(STRING, since=3)
    issue_timestamp: int = wire(INT64)
    expiry_timestamp: int = wire(INT64)
    max_timestamp: int = wire(INT64)
    token_id: str = wire(STRING)
    hmac: bytes = wire(BYTES)
    renewers: list[DescribedDelegationTokenRenewer] = wire(ARRAY(DescribedDelegationTokenRenewer))


@dataclass(slots=True)
class DescribeDelegationTokenResponse:
    API_KEY: ClassVar = ApiKey.DESCRIBE_DELEGATION_TOKEN
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (1, 3)

    error_code: int = wire(INT16)
    tokens: list[DescribedDelegationToken] = wire(ARRAY(DescribedDelegationToken))
    throttle_time_ms: int = wire(INT32)
