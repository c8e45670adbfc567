"""What share consumers ask and are told, free of protocol versions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.coordinator.share.acquiring import Acquired, Portion
from broker.coordinator.share.share_partition import Acknowledge, Answer
from broker.errors import ErrorCode, KafkaError

Where = tuple[bytes, int]
"""Topic id and index of a partition."""
Outcome = KafkaError | None
_WORDS = tuple(Acknowledge)


@dataclass(frozen=True, slots=True)
class ShareFetchWish:
    """`who`: group and member."""

    who: tuple[str, str]
    epoch: int
    connection_id: int = 0
    wanted: Sequence[Where] = ()
    forgotten: Sequence[Where] = ()
    acknowledgements: Mapping[Where, list[Answer]] = field(default_factory=dict)
    renewing: bool = False
    max_wait_ms: int = 0
    min_bytes: int = 1
    max_bytes: int = 1 << 20
    portion: Portion = field(default_factory=Portion)
    check: Callable[[Where], None] = field(default=lambda where: None)
    """Raises what stands against giving records of a partition: rights end within a session too."""

    @property
    def wants_records(self) -> bool:
        return self.max_bytes > 0 and self.portion.records_max > 0


@dataclass(slots=True)
class Given:
    """What a member is told of one partition."""

    where: Where
    records: bytes = b""
    acquired: list[Acquired] = field(default_factory=list)
    error: Outcome = None
    acknowledged: Outcome = None


@dataclass(frozen=True, slots=True)
class ShareOffset:
    """`lag` in records, -1: not known."""

    where: Where
    start_offset: int
    lag: int


def acknowledgements(topics: Iterable[Any]) -> dict[Where, list[Answer]]:
    """What topics of a ShareFetch or ShareAcknowledge say of earlier records, by partition."""
    said: dict[Where, list[Answer]] = {}
    for topic in topics:
        for partition in topic.partitions:
            for batch in partition.acknowledgement_batches:
                answer = (batch.first_offset, batch.last_offset, batch.acknowledge_types)
                said.setdefault((topic.topic_id, partition.partition_index), []).append(answer)
    return said


def check_batches(batches: Sequence[Answer], *, renewing: bool) -> None:
    """INVALID_REQUEST for answers that no client of ours could mean: Kafka gives no words to it.

    `renewing`: the request says that it renews locks; only then it may (KIP-1222).
    """
    last_seen = -1
    for first, last, types in batches:
        is_whole = first <= last and len(types) in (1, last - first + 1)
        is_known = all(kind in _WORDS for kind in types)
        is_allowed = renewing or Acknowledge.RENEW not in types
        if not (is_whole and is_known and is_allowed and first > last_seen):
            raise KafkaError(ErrorCode.INVALID_REQUEST, "")
        last_seen = last
