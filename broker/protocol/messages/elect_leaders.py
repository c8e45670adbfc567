"""ElectLeaders (API key 43): elects preferred or unclean leaders."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT8, INT16, INT32, STRING, wire


@dataclass(slots=True)
class TopicPartitions:
    topic: str = wire(STRING)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class ElectLeadersRequest:
    API_KEY: ClassVar = ApiKey.ELECT_LEADERS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (0, 2)

    election_type: int = wire(INT8, since=1)
    topic_partitions: list[TopicPartitions] | None = wire(ARRAY(TopicPartitions), nullable=0)
    timeout_ms: int = wire(INT32, default=60000)


@dataclass(slots=True)
class PartitionResult:
    partition_id: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)


@dataclass(slots=True)
class ReplicaElectionResult:
    topic: str = wire(STRING)
    partition_result: list[PartitionResult] = wire(ARRAY(PartitionResult))


@dataclass(slots=True)
class ElectLeadersResponse:
    API_KEY: ClassVar = ApiKey.ELECT_LEADERS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (0, 2)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16, since=1)
    replica_election_results: list[ReplicaElectionResult] = wire(ARRAY(ReplicaElectionResult))
