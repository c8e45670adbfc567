"""CreateDelegationToken (API key 38): issues a delegation token."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BYTES, INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class CreatableRenewers:
    principal_type: str = wire(STRING)
    principal_name: str = wire(STRING)


@dataclass(slots=True)
class CreateDelegationTokenRequest:
    API_KEY: ClassVar = ApiKey.CREATE_DELEGATION_TOKEN
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (1, 3)

    owner_principal_type: str | None = wire(STRING, since=3, nullable=3)
    owner_principal_name: str | None = wire(STRING, since=3, nullable=3)
    renewers: list[CreatableRenewers] = wire(ARRAY(CreatableRenewers))
    max_lifetime_ms: int = wire(INT64)


@dataclass(slots=True)
class CreateDelegationTokenResponse:
    API_KEY: ClassVar = ApiKey.CREATE_DELEGATION_TOKEN
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (1, 3)

    error_code: int = wire(INT16)
    principal_type: str = wire(STRING)
    principal_name: str = wire(STRING)
    token_requester_principal_type: str = wire(STRING, since=3)
    token_requester_principal_name: str = wire(STRING, since=3)
    issue_timestamp_ms: int = wire(INT64)
    expiry_timestamp_ms: int = wire(INT64)
    max_timestamp_ms: int = wire(INT64)
    token_id: str = wire(STRING)
    hmac: bytes = wire(BYTES)
    throttle_time_ms: int = wire(INT32)
