"""WriteTxnMarkers (API key 27): writes the marker that ends a transaction into partitions."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT8, INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class WritableTxnMarkerTopic:
    name: str = wire(STRING)
    partition_indexes: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class WritableTxnMarker:
    producer_id: int = wire(INT64)
    producer_epoch: int = wire(INT16)
    transaction_result: bool = wire(BOOLEAN)
    topics: list[WritableTxnMarkerTopic] = wire(ARRAY(WritableTxnMarkerTopic))
    coordinator_epoch: int = wire(INT32)
    transaction_version: int = wire(INT8, since=2)


@dataclass(slots=True)
class WriteTxnMarkersRequest:
    API_KEY: ClassVar = ApiKey.WRITE_TXN_MARKERS
    FLEXIBLE_SINCE: ClassVar[int | None] = 1
    VERSIONS: ClassVar = (1, 2)

    markers: list[WritableTxnMarker] = wire(ARRAY(WritableTxnMarker))


@dataclass(slots=True)
class WritableTxnMarkerPartitionResult:
    partition_index: int = wire(INT32)
    error_code: int = wire(INT16)


@dataclass(slots=True)
class WritableTxnMarkerTopicResult:
    name: str = wire(STRING)
    partitions: list[WritableTxnMarkerPartitionResult] = wire(
        ARRAY(WritableTxnMarkerPartitionResult)
    )


@dataclass(slots=True)
class WritableTxnMarkerResult:
    producer_id: int = wire(INT64)
    topics: list[WritableTxnMarkerTopicResult] = wire(ARRAY(WritableTxnMarkerTopicResult))


@dataclass(slots=True)
class WriteTxnMarkersResponse:
    API_KEY: ClassVar = ApiKey.WRITE_TXN_MARKERS
    FLEXIBLE_SINCE: ClassVar[int | None] = 1
    VERSIONS: ClassVar = (1, 2)

    markers: list[WritableTxnMarkerResult] = wire(ARRAY(WritableTxnMarkerResult))
