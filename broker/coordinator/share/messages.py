"""What share consumers ask and are told, free of protocol versions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.coordinator.share.share_partition import Acquired
from broker.errors import ErrorCode, KafkaError

Where = tuple[bytes, int]
"""Topic id and index of a partition."""
AckBatch = tuple[int, int, list[int]]
"""First offset, last offset, what the member says: one word for all, or one for each."""
Outcome = KafkaError | None
_WORDS = {1: range(4), 2: range(5)}


@dataclass(frozen=True, slots=True)
class ShareFetchWish:
    """`who`: group and member."""

    who: tuple[str, str]
    epoch: int
    wanted: Sequence[Where] = ()
    forgotten: Sequence[Where] = ()
    acknowledgements: Mapping[Where, list[AckBatch]] = field(default_factory=dict)
    max_wait_ms: int = 0
    max_bytes: int = 1 << 20
    max_records: int = 500


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


def acknowledgements(topics: Iterable[Any], version: int) -> dict[Where, list[AckBatch]]:
    """What topics of a ShareFetch or ShareAcknowledge say of earlier records, by partition.

    Raises INVALID_REQUEST for a word that this version does not have.
    """
    said: dict[Where, list[AckBatch]] = {}
    for topic in topics:
        for partition in topic.partitions:
            for batch in partition.acknowledgement_batches:
                if any(kind not in _WORDS[version] for kind in batch.acknowledge_types):
                    raise KafkaError(
                        ErrorCode.INVALID_REQUEST,
                        f"Invalid acknowledge type: {batch.acknowledge_types}",
                    )
                answer = (batch.first_offset, batch.last_offset, batch.acknowledge_types)
                said.setdefault((topic.topic_id, partition.partition_index), []).append(answer)
    return said
