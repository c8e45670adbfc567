"""AlterReplicaLogDirs (API key 34): moves replicas between the log directories of a broker."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, STRING, wire


@dataclass(slots=True)
class AlterReplicaLogDirTopic:
    name: str = wire(STRING)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class AlterReplicaLogDir:
    path: str = wire(STRING)
    topics: list[AlterReplicaLogDirTopic] = wire(ARRAY(AlterReplicaLogDirTopic))


@dataclass(slots=True)
class AlterReplicaLogDirsRequest:
    API_KEY: ClassVar = ApiKey.ALTER_REPLICA_LOG_DIRS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (1, 2)

    dirs: list[AlterReplicaLogDir] = wire(ARRAY(AlterReplicaLogDir))


@dataclass(slots=True)
class AlterReplicaLogDirPartitionResult:
    partition_index: int = wire(INT32)
    error_code: int = wire(INT16)


@dataclass(slots=True)
class AlterReplicaLogDirTopicResult:
    topic_name: str = wire(STRING)
    partitions: list[AlterReplicaLogDirPartitionResult] = wire(
        ARRAY(AlterReplicaLogDirPartitionResult)
    )


@dataclass(slots=True)
class AlterReplicaLogDirsResponse:
    API_KEY: ClassVar = ApiKey.ALTER_REPLICA_LOG_DIRS
    FLEXIBLE_SINCE: ClassVar[int | None] = 2
    VERSIONS: ClassVar = (1, 2)

    throttle_time_ms: int = wire(INT32)
    results: list[AlterReplicaLogDirTopicResult] = wire(ARRAY(AlterReplicaLogDirTopicResult))
