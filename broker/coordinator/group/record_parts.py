"""What records of all kinds of groups in __consumer_offsets have in common.

A key is of a group, or of one of its members; its class adds the TYPE that its record begins with.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from broker.protocol.schema import ARRAY, INT32, STRING, UUID, wire


@dataclass(frozen=True, slots=True)
class Record:
    """A key with its value, or with None: a tombstone."""

    key: Any
    value: Any


@dataclass(frozen=True, slots=True)
class KeyOfGroup:
    FLEXIBLE_SINCE: ClassVar[int | None] = None
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    group_id: str = wire(STRING)


@dataclass(frozen=True, slots=True)
class KeyOfMember:
    FLEXIBLE_SINCE: ClassVar[int | None] = None
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    group_id: str = wire(STRING)
    member_id: str = wire(STRING)


@dataclass(slots=True)
class TopicPartitions:
    """Partitions of one topic."""

    topic_id: bytes = wire(UUID)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class TargetAssignmentMetadata:
    """For which group epoch the target assignment was computed."""

    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    assignment_epoch: int = wire(INT32)


@dataclass(slots=True)
class TargetTopics:
    """The partitions that a member shall have in the end."""

    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    topic_partitions: list[TopicPartitions] = wire(ARRAY(TopicPartitions))
