"""UpdateFeatures (API key 57): changes the finalized versions of features."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT8, INT16, INT32, STRING, wire


@dataclass(slots=True)
class FeatureUpdateKey:
    feature: str = wire(STRING)
    max_version_level: int = wire(INT16)
    allow_downgrade: bool = wire(BOOLEAN, until=0)
    upgrade_type: int = wire(INT8, since=1, default=1)


@dataclass(slots=True)
class UpdateFeaturesRequest:
    API_KEY: ClassVar = ApiKey.UPDATE_FEATURES
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 2)

    timeout_ms: int = wire(INT32, default=60000)
    feature_updates: list[FeatureUpdateKey] = wire(ARRAY(FeatureUpdateKey))
    validate_only: bool = wire(BOOLEAN, since=1)


@dataclass(slots=True)
class UpdatableFeatureResult:
    feature: str = wire(STRING)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)


@dataclass(slots=True)
class UpdateFeaturesResponse:
    API_KEY: ClassVar = ApiKey.UPDATE_FEATURES
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 2)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
    results: list[UpdatableFeatureResult] = wire(ARRAY(UpdatableFeatureResult), until=1)
