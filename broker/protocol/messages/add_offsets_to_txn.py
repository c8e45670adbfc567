"""AddOffsetsToTxn (API key 25): adds a group's offsets to a transaction."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class AddOffsetsToTxnRequest:
    API_KEY: ClassVar = ApiKey.ADD_OFFSETS_TO_TXN
    FLEXIBLE_SINCE: ClassVar[int | None] = 3
    VERSIONS: ClassVar = (0, 4)

    transactional_id: str = wire(STRING)
    producer_id: int = wire(INT64)
    producer_epoch: int = wire(INT16)
    group_id: str = wire(STRING)


@dataclass(slots=True)
class AddOffsetsToTxnResponse:
    API_KEY: ClassVar = ApiKey.ADD_OFFSETS_TO_TXN
    FLEXIBLE_SINCE: ClassVar[int | None] = 3
    VERSIONS: ClassVar = (0, 4)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
