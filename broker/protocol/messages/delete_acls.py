"""DeleteAcls (API key 31): removes access control entries that match filters."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT8, INT16, INT32, STRING, wire


@dataclass(slots=True)
class DeleteAclsFilter:
    resource_type_filter: int = wire(INT8)
    resource_name_filter: str | None = wire(STRING, nullable=0)
    pattern_type_filter: int = wire(INT8, default=3)
    principal_filter: str | None = wire(STRING, nullable=0)
    host_filter: str | None = wire(STRING, nullable=0)
    operation: int = wire(INT8)
    permission_type: int = wire(INT8)


@dataclass(slots=True)
class DeleteAclsRequest:
    API_KEY: ClassVar = ApiKey.DELETE_ACLS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (1, 3)

    filters: list[DeleteAclsFilter] = wire(ARRAY(DeleteAclsFilter))


@dataclass(slots=True)
class DeleteAclsMatchingAcl:
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
    resource_type: int = wire(INT8)
    resource_name: str = wire(STRING)
    pattern_type: int = wire(INT8, default=3)
    principal: str = wire(STRING)
    host: str = wire(STRING)
    operation: int = wire(INT8)
    permission_type: int = wire(INT8)


@dataclass(slots=True)
class DeleteAclsFilterResult:
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
    matching_acls: list[DeleteAclsMatchingAcl] = wire(ARRAY(DeleteAclsMatchingAcl))


@dataclass(slots=True)
class DeleteAclsResponse:
    API_KEY: ClassVar = ApiKey.DELETE_ACLS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (1, 3)

    throttle_time_ms: int = wire(INT32)
    filter_results: list[DeleteAclsFilterResult] = wire(ARRAY(DeleteAclsFilterResult))
