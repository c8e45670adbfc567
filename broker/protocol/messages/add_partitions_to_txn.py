"""AddPartitionsToTxn (API key 24): adds partitions to a transaction."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class AddPartitionsToTxnTopic:
    name: str = wire(STRING)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class AddPartitionsToTxnTransaction:
    transactional_id: str = wire(STRING, since=4)
    producer_id: int = wire(INT64, since=4)
    producer_epoch: int = wire(INT16, since=4)
    verify_only: bool = wire(BOOLEAN, since=4)
    topics: list[AddPartitionsToTxnTopic] = wire(ARRAY(AddPartitionsToTxnTopic), since=4)


@dataclass(slots=True)
class AddPartitionsToTxnRequest:
    API_KEY: ClassVar = ApiKey.ADD_PARTITIONS_TO_TXN
    FLEXIBLE_SINCE: ClassVar[int | None] = 3
    VERSIONS: ClassVar = (0, 5)

    transactions: list[AddPartitionsToTxnTransaction] = wire(
        ARRAY(AddPartitionsToTxnTransaction), since=4
    )
    v3_and_below_transactional_id: str = wire(STRING, until=3)
    v3_and_below_producer_id: int = wire(INT64, until=3)
    v3_and_below_producer_epoch: int = wire(INT16, until=3)
    v3_and_below_topics: list[AddPartitionsToTxnTopic] = wire(
        ARRAY(AddPartitionsToTxnTopic), until=3
    )


@dataclass(slots=True)
class AddPartitionsToTxnPartitionResult:
    partition_index: int = wire(INT32)
    partition_error_code: int = wire(INT16)


@dataclass(slots=True)
class AddPartitionsToTxnTopicResult:
    name: str = wire(STRING)
    results_by_partition: list[AddPartitionsToTxnPartitionResult] = wire(
        ARRAY(AddPartitionsToTxnPartitionResult)
    )


@dataclass(slots=True)
class AddPartitionsToTxnResult:
    transactional_id: str = wire(STRING, since=4)
    topic_results: list[AddPartitionsToTxnTopicResult] = wire(
        ARRAY(AddPartitionsToTxnTopicResult), since=4
    )


@dataclass(slots=True)
class AddPartitionsToTxnResponse:
    API_KEY: ClassVar = ApiKey.ADD_PARTITIONS_TO_TXN
    FLEXIBLE_SINCE: ClassVar[int | None] = 3
    VERSIONS: ClassVar = (0, 5)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16, since=4)
    results_by_transaction: list[AddPartitionsToTxnResult] = wire(
        ARRAY(AddPartitionsToTxnResult), since=4
    )
    results_by_topic_v3_and_below: list[AddPartitionsToTxnTopicResult] = wire(
        ARRAY(AddPartitionsToTxnTopicResult), until=3
    )
