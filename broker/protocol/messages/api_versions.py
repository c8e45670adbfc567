"""ApiVersions (API key 18): tells which APIs, versions and features a broker serves."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class ApiVersionsRequest:
    API_KEY: ClassVar = ApiKey.API_VERSIONS
    FLEXIBLE_SINCE: ClassVar[int | None] = 3
    VERSIONS: ClassVar = (0, 4)

    client_software_name: str = wire(STRING, since=3)
    client_software_version: str = wire(STRING, since=3)


@dataclass(slots=True)
class ApiVersion:
    api_key: int = wire(INT16)
    min_version: int = wire(INT16)
    max_version: int = wire(INT16)


@dataclass(slots=True)
class SupportedFeatureKey:
    name: str = wire(STRING, since=3)
    min_version: int = wire(INT16, since=3)
    max_version: int = wire(INT16, since=3)


@dataclass(slots=True)
class FinalizedFeatureKey:
    name: str = wire(STRING, since=3)
    max_version_level: int = wire(INT16, since=3)
    min_version_level: int = wire(INT16, since=3)


@dataclass(slots=True)
class ApiVersionsResponse:
    API_KEY: ClassVar = ApiKey.API_VERSIONS
    FLEXIBLE_SINCE: ClassVar[int | None] = 3
    VERSIONS: ClassVar = (0, 4)

    error_code: int = wire(INT16)
    api_keys: list[ApiVersion] = wire(ARRAY(ApiVersion))
    throttle_time_ms: int = wire(INT32, since=1)
    supported_features: list[SupportedFeatureKey] = wire(ARRAY(SupportedFeatureKey), since=3, tag=0)
    finalized_features_epoch: int = wire(INT64, since=3, tag=1, default=-1)
    finalized_features: list[FinalizedFeatureKey] = wire(ARRAY(FinalizedFeatureKey), since=3, tag=2)
    zk_migration_ready: bool = wire(BOOLEAN, since=3, tag=3)
