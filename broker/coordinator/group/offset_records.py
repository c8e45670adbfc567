"""Records of committed offsets in __consumer_offsets: types 0 and 1, always written as 1."""

from dataclasses import dataclass
from typing import Any, ClassVar

from broker.protocol.schema import INT32, INT64, STRING, UUID, wire


@dataclass(frozen=True, slots=True)
class OffsetCommitKey:
    """A committed offset of one partition."""

    TYPE: ClassVar[int] = 1
    FLEXIBLE_SINCE: ClassVar[int | None] = None
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    group: str = wire(STRING)
    topic: str = wire(STRING)
    partition: int = wire(INT32)


@dataclass(slots=True)
class OffsetCommitValue:
    """`expire_timestamp` (ms) only in version 1; `topic_id` where a client named the topic by it.

    Version 4 is what Kafka 4.2 writes.
    """

    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar[tuple[int, int]] = (0, 4)
    offset: int = wire(INT64)
    leader_epoch: int = wire(INT32, since=3, default=-1)
    metadata: str = wire(STRING)
    commit_timestamp: int = wire(INT64)
    expire_timestamp: int = wire(INT64, since=1, until=1, default=-1)
    topic_id: bytes = wire(UUID, since=4, tag=0, tag_since=4)


OFFSET_TYPES: dict[int, tuple[type[Any], type[Any], int]] = {
    0: (OffsetCommitKey, OffsetCommitValue, 4),
    1: (OffsetCommitKey, OffsetCommitValue, 4),
}
"""type -> key, value, version of the value that we write"""
