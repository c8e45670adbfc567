"""AlterConfigs (API key 33): replaces all settings of a resource (legacy)."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT8, INT16, INT32, STRING, wire


@dataclass(slots=True)
class AlterableConfig:
    name: str = wire(STRING)
    value: str | None = wire(STRING, nullable=0)


@dataclass(slots=True)
class AlterConfigsResource:
    resource_type: int = wire(INT8)
    resource_name: str = wire(STRING)
    configs: list[AlterableConfig] = wire(ARRAY(AlterableConfig))


@dataclass(slots=True)
class AlterConfigsRequest:
    API_KEY: ClassVar = ApiKey.ALTER_CONFIGS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (0, 2)

    resources: list[AlterConfigsResource] = wire(ARRAY(AlterConfigsResource))
    validate_only: bool = wire(BOOLEAN)


@dataclass(slots=True)
class AlterConfigsResourceResponse:
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
    resource_type: int = wire(INT8)
    resource_name: str = wire(STRING)


@dataclass(slots=True)
class AlterConfigsResponse:
    API_KEY: ClassVar = ApiKey.ALTER_CONFIGS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (0, 2)

    throttle_time_ms: int = wire(INT32)
    responses: list[AlterConfigsResourceResponse] = wire(ARRAY(AlterConfigsResourceResponse))
