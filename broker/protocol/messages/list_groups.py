"""ListGroups (API key 16): lists the groups that this broker coordinates."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, STRING, wire


@dataclass(slots=True)
class ListGroupsRequest:
    API_KEY: ClassVar = ApiKey.LIST_GROUPS
    FLEXIBLE_SINCE: ClassVar[int | None] = 3
    VERSIONS: ClassVar = (0, 5)

    states_filter: list[str] = wire(ARRAY(STRING), since=4)
    types_filter: list[str] = wire(ARRAY(STRING), since=5)


@dataclass(slots=True)
class ListedGroup:
    group_id: str = wire(STRING)
    protocol_type: str = wire(STRING)
    group_state: str = wire(STRING, since=4)
    group_type: str = wire(STRING, since=5)


@dataclass(slots=True)
class ListGroupsResponse:
    API_KEY: ClassVar = ApiKey.LIST_GROUPS
    FLEXIBLE_SINCE: ClassVar[int | None] = 3
    VERSIONS: ClassVar = (0, 5)

    throttle_time_ms: int = wire(INT32, since=1)
    error_code: int = wire(INT16)
    groups: list[ListedGroup] = wire(ARRAY(ListedGroup))
