"""DescribeClientQuotas (API key 48): lists quotas by user, client id and address."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, FLOAT64, INT8, INT16, INT32, STRING, wire


@dataclass(slots=True)
class ComponentData:
    entity_type: str = wire(STRING)
    match_type: int = wire(INT8)
    match: str | None = wire(STRING, nullable=0)


@dataclass(slots=True)
class DescribeClientQuotasRequest:
    API_KEY: ClassVar = ApiKey.DESCRIBE_CLIENT_QUOTAS
    FLEXIBLE_SINCE: ClassVar[int | None] = 1
    VERSIONS: ClassVar = (0, 1)

    components: list[ComponentData] = wire(ARRAY(ComponentData))
    strict: bool = wire(BOOLEAN)


@dataclass(slots=True)
class EntityData:
    entity_type: str = wire(STRING)
    entity_name: str | None = wire(STRING, nullable=0)


@dataclass(slots=True)
class ValueData:
    key: str = wire(STRING)
    value: float = wire(FLOAT64)


@dataclass(slots=True)
class EntryData:
    entity: list[EntityData] = wire(ARRAY(EntityData))
    values: list[ValueData] = wire(ARRAY(ValueData))


@dataclass(slots=True)
class DescribeClientQuotasResponse:
    API_KEY: ClassVar = ApiKey.DESCRIBE_CLIENT_QUOTAS
    FLEXIBLE_SINCE: ClassVar[int | None] = 1
    VERSIONS: ClassVar = (0, 1)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
    entries: list[EntryData] | None = wire(ARRAY(EntryData), nullable=0)
