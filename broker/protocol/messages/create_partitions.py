"""CreatePartitions (API key 37): adds partitions to topics."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT16, INT32, STRING, wire


@dataclass(slots=True)
class CreatePartitionsAssignment:
    broker_ids: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class CreatePartitionsTopic:
    name: str = wire(STRING)
    count: int = wire(INT32)
    assignments: list[CreatePartitionsAssignment] | None = wire(
        ARRAY(CreatePartitionsAssignment), nullable=0
    )


@dataclass(slots=True)
class CreatePartitionsRequest:
    API_KEY: ClassVar = ApiKey.CREATE_PARTITIONS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (0, 3)

    topics: list[CreatePartitionsTopic] = wire(ARRAY(CreatePartitionsTopic))
    timeout_ms: int = wire(INT32)
    validate_only: bool = wire(BOOLEAN)


@dataclass(slots=True)
class CreatePartitionsTopicResult:
    name: str = wire(STRING)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)


@dataclass(slots=True)
class CreatePartitionsResponse:
    API_KEY: ClassVar = ApiKey.CREATE_PARTITIONS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (0, 3)

    throttle_time_ms: int = wire(INT32)
    results: list[CreatePartitionsTopicResult] = wire(ARRAY(CreatePartitionsTopicResult))
