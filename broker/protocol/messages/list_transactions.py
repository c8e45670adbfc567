"""ListTransactions (API key 66): lists transactions by state, producer, duration or name."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class ListTransactionsRequest:
    API_KEY: ClassVar = ApiKey.LIST_TRANSACTIONS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 2)

    state_filters: list[str] = wire(ARRAY(STRING))
    producer_id_filters: list[int] = wire(ARRAY(INT64))
    duration_filter: int = wire(INT64, since=1, default=-1)
    transactional_id_pattern: str | None = wire(STRING, since=2, nullable=2, default=None)


@dataclass(slots=True)
class TransactionState:
    transactional_id: str = wire(STRING)
    producer_id: int = wire(INT64)
    transaction_state: str = wire(STRING)


@dataclass(slots=True)
class ListTransactionsResponse:
    API_KEY: ClassVar = ApiKey.LIST_TRANSACTIONS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 2)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    unknown_state_filters: list[str] = wire(ARRAY(STRING))
    transaction_states: list[TransactionState] = wire(ARRAY(TransactionState))
