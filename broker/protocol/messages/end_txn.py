"""EndTxn (API key 26): commits or aborts a transaction."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import BOOLEAN, INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class EndTxnRequest:
    API_KEY: ClassVar = ApiKey.END_TXN
    FLEXIBLE_SINCE: ClassVar[int | None] = 3
    VERSIONS: ClassVar = (0, 5)

    transactional_id: str = wire(STRING)
    producer_id: int = wire(INT64)
    producer_epoch: int = wire(INT16)
    committed: bool = wire(BOOLEAN)


@dataclass(slots=True)
class EndTxnResponse:
    API_KEY: ClassVar = ApiKey.END_TXN
    FLEXIBLE_SINCE: ClassVar[int | None] = 3
    VERSIONS: ClassVar = (0, 5)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    producer_id: int = wire(INT64, since=5, default=-1)
    producer_epoch: int = wire(INT16, since=5, default=-1)
