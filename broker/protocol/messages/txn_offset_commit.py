"""TxnOffsetCommit (API key 28): stores a group's offsets as part of a transaction."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, INT16, INT32, INT64, STRING, wire


@dataclass(slots=True)
class TxnOffsetCommitRequestPartition:
    partition_index: int = wire(INT32)
    committed_offset: int = wire(INT64)
    committed_leader_epoch: int = wire(INT32, since=2, default=-1)
    committed_metadata: str | None = wire(STRING, nullable=0)


@dataclass(slots=True)
class TxnOffsetCommitRequestTopic:
    name: str = wire(STRING)
    partitions: list[TxnOffsetCommitRequestPartition] = wire(ARRAY(TxnOffsetCommitRequestPartition))


@dataclass(slots=True)
class TxnOffsetCommitRequest:
    API_KEY: ClassVar = ApiKey.TXN_OFFSET_COMMIT
    FLEXIBLE_SINCE: ClassVar[int | None] = 3
    VERSIONS: ClassVar = (0, 5)

    transactional_id: str = wire(STRING)
    group_id: str = wire(STRING)
    producer_id: int = wire(INT64)
    producer_epoch: int = wire(INT16)
    generation_id: int = wire(INT32, since=3, default=-1)
    member_id: str = wire(STRING, since=3)
    group_instance_id: str | None = wire(STRING, since=3, nullable=3, default=None)
    topics: list[TxnOffsetCommitRequestTopic] = wire(ARRAY(TxnOffsetCommitRequestTopic))


@dataclass(slots=True)
class TxnOffsetCommitResponsePartition:
    partition_index: int = wire(INT32)
    error_code: int = wire(INT16)


@dataclass(slots=True)
class TxnOffsetCommitResponseTopic:
    name: str = wire(STRING)
    partitions: list[TxnOffsetCommitResponsePartition] = wire(
        ARRAY(TxnOffsetCommitResponsePartition)
    )


@dataclass(slots=True)
class TxnOffsetCommitResponse:
    API_KEY: ClassVar = ApiKey.TXN_OFFSET_COMMIT
    FLEXIBLE_SINCE: ClassVar[int | None] = 3
    VERSIONS: ClassVar = (0, 5)

    throttle_time_ms: int = wire(INT32)
    topics: list[TxnOffsetCommitResponseTopic] = wire(ARRAY(TxnOffsetCommitResponseTopic))
