"""DeleteRecords (API key 21): moves the log start offset of partitions forward."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class DeleteRecordsPartition:
    partition_index: int = wire(INT32)
    offset: int = wire(INT64)


@dataclass(slots=True)
class DeleteRecordsTopic:
    name: str = wire(STRING)
    partitions: list[DeleteRecordsPartition] = wire(ARRAY(DeleteRecordsPartition))


@dataclass(slots=True)
class DeleteRecordsRequest:
    API_KEY: ClassVar = ApiKey.DELETE_RECORDS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (0, 2)

    topics: list[DeleteRecordsTopic] = wire(ARRAY(DeleteRecordsTopic))
    timeout_ms: int = wire(INT32)


@dataclass(slots=True)
class DeleteRecordsPartitionResult:
    partition_index: int = wire(INT32)
    low_watermark: int = wire(INT64)
    error_code: int = wire(INT16)


@dataclass(slots=True)
class DeleteRecordsTopicResult:
    name: str = wire(STRING)
    partitions: list[DeleteRecordsPartitionResult] = wire(ARRAY(DeleteRecordsPartitionResult))


@dataclass(slots=True)
class DeleteRecordsResponse:
    API_KEY: ClassVar = ApiKey.DELETE_RECORDS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (0, 2)

    throttle_time_ms: int = wire(INT32)
    topics: list[DeleteRecordsTopicResult] = wire(ARRAY(DeleteRecordsTopicResult))
