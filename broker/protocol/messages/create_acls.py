"""CreateAcls (API key 30): adds access control entries."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT8, INT16, INT32, STRING, wire


@dataclass(slots=True)
class AclCreation:
    resource_type: int = wire(INT8)
    resource_name: str = wire(STRING)
    resource_pattern_type: int = wire(INT8, default=3)
    principal: str = wire(STRING)
    host: str = wire(STRING)
    operation: int = wire(INT8)
    permission_type: int = wire(INT8)


@dataclass(slots=True)
class CreateAclsRequest:
    API_KEY: ClassVar = ApiKey.CREATE_ACLS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (1, 3)

    creations: list[AclCreation] = wire(ARRAY(AclCreation))


@dataclass(slots=True)
class AclCreationResult:
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)


@dataclass(slots=True)
class CreateAclsResponse:
    API_KEY: ClassVar = ApiKey.CREATE_ACLS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (1, 3)

    throttle_time_ms: int = wire(INT32)
    results: list[AclCreationResult] = wire(ARRAY(AclCreationResult))
