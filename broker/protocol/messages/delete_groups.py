"""DeleteGroups (API key 42): deletes groups that have no members."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, STRING, wire


@dataclass(slots=True)
class DeleteGroupsRequest:
    API_KEY: ClassVar = ApiKey.DELETE_GROUPS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (0, 2)

    groups_names: list[str] = wire(ARRAY(STRING))


@dataclass(slots=True)
class DeletableGroupResult:
    group_id: str = wire(STRING)
    error_code: int = wire(INT16)


@dataclass(slots=True)
class DeleteGroupsResponse:
    API_KEY: ClassVar = ApiKey.DELETE_GROUPS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (0, 2)

    throttle_time_ms: int = wire(INT32)
    results: list[DeletableGroupResult] = wire(ARRAY(DeletableGroupResult))
