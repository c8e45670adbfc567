"""ListConfigResources (API key 74): lists resources that have settings of their own."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT8, INT16, INT32, STRING, wire


@dataclass(slots=True)
class ListConfigResourcesRequest:
    API_KEY: ClassVar = ApiKey.LIST_CONFIG_RESOURCES
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    resource_types: list[int] = wire(ARRAY(INT8), since=1)


@dataclass(slots=True)
class ConfigResource:
    resource_name: str = wire(STRING)
    resource_type: int = wire(INT8, since=1, default=16)


@dataclass(slots=True)
class ListConfigResourcesResponse:
    API_KEY: ClassVar = ApiKey.LIST_CONFIG_RESOURCES
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    config_resources: list[ConfigResource] = wire(ARRAY(ConfigResource))
