"""DescribeConfigs (API key 32): tells the settings of topics, brokers and groups."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT8, INT16, INT32, STRING, wire


@dataclass(slots=True)
class DescribeConfigsResource:
    resource_type: int = wire(INT8)
    resource_name: str = wire(STRING)
    configuration_keys: list[str] | None = wire(ARRAY(STRING), nullable=0)


@dataclass(slots=True)
class DescribeConfigsRequest:
    API_KEY: ClassVar = ApiKey.DESCRIBE_CONFIGS
    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar = (1, 4)

    resources: list[DescribeConfigsResource] = wire(ARRAY(DescribeConfigsResource))
    include_synonyms: bool = wire(BOOLEAN)
    include_documentation: bool = wire(BOOLEAN, since=3)


@dataclass(slots=True)
class DescribeConfigsSynonym:
    name: str = wire(STRING)
    value: str | None = wire(STRING, nullable=0)
    source: int = wire(INT8)


@dataclass(slots=True)
class DescribeConfigsResourceResult:
    name: str = wire(STRING)
    value: str | None = wire(STRING, nullable=0)
    read_only: bool = wire(BOOLEAN)
    config_source: int = wire(INT8, default=-1)
    is_sensitive: bool = wire(BOOLEAN)
    synonyms: list[DescribeConfigsSynonym] = wire(ARRAY(DescribeConfigsSynonym))
    config_type: int = wire(INT8, since=3)
    documentation: str | None = wire(STRING, since=3, nullable=0)


@dataclass(slots=True)
class DescribeConfigsResult:
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
    resource_type: int = wire(INT8)
    resource_name: str = wire(STRING)
    configs: list[DescribeConfigsResourceResult] = wire(ARRAY(DescribeConfigsResourceResult))


@dataclass(slots=True)
class DescribeConfigsResponse:
    API_KEY: ClassVar = ApiKey.DESCRIBE_CONFIGS
    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar = (1, 4)

    throttle_time_ms: int = wire(INT32)
    results: list[DescribeConfigsResult] = wire(ARRAY(DescribeConfigsResult))
