"""DescribeLogDirs (API key 35): tells size and content of a broker's log directories."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class DescribableLogDirTopic:
    topic: str = wire(STRING)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class DescribeLogDirsRequest:
    API_KEY: ClassVar = ApiKey.DESCRIBE_LOG_DIRS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (1, 4)

    topics: list[DescribableLogDirTopic] | None = wire(ARRAY(DescribableLogDirTopic), nullable=0)


@dataclass(slots=True)
class DescribeLogDirsPartition:
    partition_index: int = wire(INT32)
    partition_size: int = wire(INT64)
    offset_lag: int = wire(INT64)
    is_future_key: bool = wire(BOOLEAN)


@dataclass(slots=True)
class DescribeLogDirsTopic:
    name: str = wire(STRING)
    partitions: list[DescribeLogDirsPartition] = wire(ARRAY(DescribeLogDirsPartition))


@dataclass(slots=True)
class DescribeLogDirsResult:
    error_code: int = wire(INT16)
    log_dir: str = wire(STRING)
    topics: list[DescribeLogDirsTopic] = wire(ARRAY(DescribeLogDirsTopic))
    total_bytes: int = wire(INT64, since=4, default=-1)
    usable_bytes: int = wire(INT64, since=4, default=-1)


@dataclass(slots=True)
class DescribeLogDirsResponse:
    API_KEY: ClassVar = ApiKey.DESCRIBE_LOG_DIRS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (1, 4)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16, since=3)
    results: list[DescribeLogDirsResult] = wire(ARRAY(DescribeLogDirsResult))
