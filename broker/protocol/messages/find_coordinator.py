"""FindCoordinator (API key 10): tells who coordinates a group or transaction."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT8, INT16, INT32, STRING, wire


@dataclass(slots=True)
class FindCoordinatorRequest:
    API_KEY: ClassVar = ApiKey.FIND_COORDINATOR
    FLEXIBLE_SINCE: ClassVar[int | None] = 3
    VERSIONS: ClassVar = (0, 6)

    key: str = wire(STRING, until=3)
    key_type: int = wire(INT8, since=1)
    coordinator_keys: list[str] = wire(ARRAY(STRING), since=4)


@dataclass(slots=True)
class Coordinator:
    key: str = wire(STRING, since=4)
    node_id: int = wire(INT32, since=4)
    host: str = wire(STRING, since=4)
    port: int = wire(INT32, since=4)
    error_code: int = wire(INT16, since=4)
    error_message: str | None = wire(STRING, since=4, nullable=4)


@dataclass(slots=True)
class FindCoordinatorResponse:
    API_KEY: ClassVar = ApiKey.FIND_COORDINATOR
    FLEXIBLE_SINCE: ClassVar[int | None] = 3
    VERSIONS: ClassVar = (0, 6)

    throttle_time_ms: int = wire(INT32, since=1)
    error_code: int = wire(INT16, until=3)
    error_message: str | None = wire(STRING, since=1, until=3, nullable=1)
    node_id: int = wire(INT32, until=3)
    host: str = wire(STRING, until=3)
    port: int = wire(INT32, until=3)
    coordinators: list[Coordinator] = wire(ARRAY(Coordinator), since=4)
