"""AlterClientQuotas (API key 49): sets and removes quotas."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, FLOAT64, INT16, INT32, STRING, wire


@dataclass(slots=True)
class EntityData:
    entity_type: str = wire(STRING)
    entity_name: str | None = wire(STRING, nullable=0)


@dataclass(slots=True)
class OpData:
    key: str = wire(STRING)
    value: float = wire(FLOAT64)
    remove: bool = wire(BOOLEAN)


@dataclass(slots=True)
class EntryData:
    entity: list[EntityData] = wire(ARRAY(EntityData))
    ops: list[OpData] = wire(ARRAY(OpData))


@dataclass(slots=True)
class AlterClientQuotasRequest:
    API_KEY: ClassVar = ApiKey.ALTER_CLIENT_QUOTAS
    FLEXIBLE_SINCE: ClassVar[int | None] = 1
    VERSIONS: ClassVar = (0, 1)

    entries: list[EntryData] = wire(ARRAY(EntryData))
    validate_only: bool = wire(BOOLEAN)


@dataclass(slots=True)
class EntryDataResponse:
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
    entity: list[EntityData] = wire(ARRAY(EntityData))


@dataclass(slots=True)
class AlterClientQuotasResponse:
    API_KEY: ClassVar = ApiKey.ALTER_CLIENT_QUOTAS
    FLEXIBLE_SINCE: ClassVar[int | None] = 1
    VERSIONS: ClassVar = (0, 1)

    throttle_time_ms: int = wire(INT32)
    entries: list[EntryDataResponse] = wire(ARRAY(EntryDataResponse))
