"""What clients ask about committed offsets and what they are told, free of protocol versions."""

from dataclasses import dataclass

from broker.coordinator.group.offsets import TopicPartition
from broker.errors import ErrorCode
from broker.protocol.primitives import ZERO_UUID

NO_OFFSET = -1
OUTSIDE_GENERATIONS = -1


@dataclass(frozen=True, slots=True)
class OffsetToCommit:
    """Where a group goes on reading one partition; `metadata` is the client's own text."""

    topic: str
    partition: int
    offset: int
    leader_epoch: int
    metadata: str
    topic_id: bytes = ZERO_UUID
    """By which the client named the topic; zero: it did not."""

    @property
    def where(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class OffsetCommit:
    """OffsetCommit or TxnOffsetCommit. `generation` is the member's epoch in KIP-848 groups."""

    group_id: str
    generation: int
    member_id: str
    group_instance_id: str | None
    offsets: tuple[OffsetToCommit, ...]
    retention_ms: int = -1
    """How long the offsets are kept, by the client's wish (up to v4); -1: the broker's setting."""
    producer: tuple[int, int] | None = None
    """(id, epoch) of the producer in whose transaction this is; None: in none."""
    api_version: int = 0

    @property
    def is_transactional(self) -> bool:
        return self.producer is not None


@dataclass(frozen=True, slots=True)
class OffsetFetch:
    """OffsetFetch for one group; `wanted` None asks for everything committed."""

    group_id: str
    wanted: tuple[TopicPartition, ...] | None
    require_stable: bool = False
    member_id: str | None = None
    member_epoch: int = OUTSIDE_GENERATIONS


@dataclass(frozen=True, slots=True)
class FetchedOffset:
    """Offset NO_OFFSET with error NONE: nothing is committed there."""

    where: TopicPartition
    offset: int = NO_OFFSET
    leader_epoch: int = -1
    metadata: str = ""
    error: ErrorCode = ErrorCode.NONE
