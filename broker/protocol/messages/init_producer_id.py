"""InitProducerId (API key 22): gives a producer its id and epoch."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class InitProducerIdRequest:
    API_KEY: ClassVar = ApiKey.INIT_PRODUCER_ID
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (0, 5)

    transactional_id: str | None = wire(STRING, nullable=0)
    transaction_timeout_ms: int = wire(INT32)
    producer_id: int = wire(INT64, since=3, default=-1)
    producer_epoch: int = wire(INT16, since=3, default=-1)


@dataclass(slots=True)
class InitProducerIdResponse:
    API_KEY: ClassVar = ApiKey.INIT_PRODUCER_ID
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (0, 5)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    producer_id: int = wire(INT64, default=-1)
    producer_epoch: int = wire(INT16)
