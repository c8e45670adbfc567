"""IncrementalAlterConfigs (API key 44): changes single settings."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT8, INT16, INT32, STRING, wire


@dataclass(slots=True)
class AlterableConfig:
    name: str = wire(STRING)
    config_operation: int = wire(INT8)
    value: str | None = wire(STRING, nullable=0)


@dataclass(slots=True)
class AlterConfigsResource:
    resource_type: int = wire(INT8)
    resource_name: str = wire(STRING)
    configs: list[AlterableConfig] = wire(ARRAY(AlterableConfig))


@dataclass(slots=True)
class IncrementalAlterConfigsRequest:
    API_KEY: ClassVar = ApiKey.INCREMENTAL_ALTER_CONFIGS
    FLEXIBLE_SINCE: ClassVar[int | None] = 1
    VERSIONS: ClassVar = (0, 1)

    resources: list[AlterConfigsResource] = wire(ARRAY(AlterConfigsResource))
    validate_only: bool = wire(BOOLEAN)


@dataclass(slots=True)
class AlterConfigsResourceResponse:
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
    resource_type: int = wire(INT8)
    resource_name: str = wire(STRING)


@dataclass(slots=True)
class IncrementalAlterConfigsResponse:
    API_KEY: ClassVar = ApiKey.INCREMENTAL_ALTER_CONFIGS
    FLEXIBLE_SINCE: ClassVar[int | None] = 1
    VERSIONS: ClassVar = (0, 1)

    throttle_time_ms: int = wire(INT32)
    responses: list[AlterConfigsResourceResponse] = wire(ARRAY(AlterConfigsResourceResponse))
