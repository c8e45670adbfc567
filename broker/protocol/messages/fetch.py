"""Fetch (API key 1): reads record batches, waiting for more if asked to."""

from dataclasses import dataclass
from typing import Any, ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT8, INT16, INT32, INT64, RECORDS, STRING, UUID, wire


@dataclass(slots=True)
class ReplicaState:
    replica_id: int = wire(INT32, since=15, default=-1)
    replica_epoch: int = wire(INT64, since=15, default=-1)


@dataclass(slots=True)
class FetchPartition:
    partition: int = wire(INT32)
    current_leader_epoch: int = wire(INT32, since=9, default=-1)
    fetch_offset: int = wire(INT64)
    last_fetched_epoch: int = wire(INT32, since=12, default=-1)
    log_start_offset: int = wire(INT64, since=5, default=-1)
    partition_max_bytes: int = wire(INT32)
    replica_directory_id: bytes = wire(UUID, since=17, tag=0)
    high_watermark: int = wire(INT64, since=18, tag=1, default=0x7FFFFFFFFFFFFFFF)


@dataclass(slots=True)
class FetchTopic:
    topic: str = wire(STRING, until=12)
    topic_id: bytes = wire(UUID, since=13)
    partitions: list[FetchPartition] = wire(ARRAY(FetchPartition))


@dataclass(slots=True)
class ForgottenTopic:
    topic: str = wire(STRING, since=7, until=12)
    topic_id: bytes = wire(UUID, since=13)
    partitions: list[int] = wire(ARRAY(INT32), since=7)


@dataclass(slots=True)
class FetchRequest:
    API_KEY: ClassVar = ApiKey.FETCH
    FLEXIBLE_SINCE: ClassVar[int | None] = 12
    VERSIONS: ClassVar = (4, 18)

    cluster_id: str | None = wire(STRING, since=12, nullable=12, tag=0, default=None)
    replica_id: int = wire(INT32, until=14, default=-1)
    replica_state: ReplicaState | None = wire(ReplicaState, since=15, tag=1)
    max_wait_ms: int = wire(INT32)
    min_bytes: int = wire(INT32)
    max_bytes: int = wire(INT32, default=0x7FFFFFFF)
    isolation_level: int = wire(INT8)
    session_id: int = wire(INT32, since=7)
    session_epoch: int = wire(INT32, since=7, default=-1)
    topics: list[FetchTopic] = wire(ARRAY(FetchTopic))
    forgotten_topics_data: list[ForgottenTopic] = wire(ARRAY(ForgottenTopic), since=7)
    rack_id: str = wire(STRING, since=11)


@dataclass(slots=True)
class EpochEndOffset:
    epoch: int = wire(INT32, since=12, default=-1)
    end_offset: int = wire(INT64, since=12, default=-1)


@dataclass(slots=True)
class LeaderIdAndEpoch:
    leader_id: int = wire(INT32, since=12, default=-1)
    leader_epoch: int = wire(INT32, since=12, default=-1)


@dataclass(slots=True)
class SnapshotId:
    end_offset: int = wire(INT64, default=-1)
    epoch: int = wire(INT32, default=-1)


@dataclass(slots=True)
class AbortedTransaction:
    producer_id: int = wire(INT64)
    first_offset: int = wire(INT64)


@dataclass(slots=True)
class PartitionData:
    partition_index: int = wire(INT32)
    error_code: int = wire(INT16)
    high_watermark: int = wire(INT64)
    last_stable_offset: int = wire(INT64, default=-1)
    log_start_offset: int = wire(INT64, since=5, default=-1)
    diverging_epoch: EpochEndOffset | None = wire(EpochEndOffset, since=12, tag=0)
    current_leader: LeaderIdAndEpoch | None = wire(LeaderIdAndEpoch, since=12, tag=1)
    snapshot_id: SnapshotId | None = wire(SnapshotId, since=12, tag=2)
    aborted_transactions: list[AbortedTransaction] | None = wire(
        ARRAY(AbortedTransaction), nullable=0
    )
    preferred_read_replica: int = wire(INT32, since=11, default=-1)
    records: Any = wire(RECORDS, nullable=0)


@dataclass(slots=True)
class FetchableTopicResponse:
    topic: str = wire(STRING, until=12)
    topic_id: bytes = wire(UUID, since=13)
    partitions: list[PartitionData] = wire(ARRAY(PartitionData))


@dataclass(slots=True)
class NodeEndpoint:
    node_id: int = wire(INT32, since=16)
    host: str = wire(STRING, since=16)
    port: int = wire(INT32, since=16)
    rack: str | None = wire(STRING, since=16, nullable=16, default=None)


@dataclass(slots=True)
class FetchResponse:
    API_KEY: ClassVar = ApiKey.FETCH
    FLEXIBLE_SINCE: ClassVar[int | None] = 12
    VERSIONS: ClassVar = (4, 18)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16, since=7)
    session_id: int = wire(INT32, since=7)
    responses: list[FetchableTopicResponse] = wire(ARRAY(FetchableTopicResponse))
    node_endpoints: list[NodeEndpoint] = wire(ARRAY(NodeEndpoint), since=16, tag=0)
