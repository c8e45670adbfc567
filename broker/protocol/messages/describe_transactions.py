"""DescribeTransactions (API key 65): tells state and partitions of transactions."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class DescribeTransactionsRequest:
    API_KEY: ClassVar = ApiKey.DESCRIBE_TRANSACTIONS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    transactional_ids: list[str] = wire(ARRAY(STRING))


@dataclass(slots=True)
class TopicData:
    topic: str = wire(STRING)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class TransactionState:
    error_code: int = wire(INT16)
    transactional_id: str = wire(STRING)
    transaction_state: str = wire(STRING)
    transaction_timeout_ms: int = wire(INT32)
    transaction_start_time_ms: int = wire(INT64)
    producer_id: int = wire(INT64)
    producer_epoch: int = wire(INT16)
    topics: list[TopicData] = wire(ARRAY(TopicData))


@dataclass(slots=True)
class DescribeTransactionsResponse:
    API_KEY: ClassVar = ApiKey.DESCRIBE_TRANSACTIONS
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    throttle_time_ms: int = wire(INT32)
    transaction_states: list[TransactionState] = wire(ARRAY(TransactionState))
