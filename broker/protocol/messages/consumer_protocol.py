"""Embedded consumer protocol: what a member of a classic group subscribes to and is assigned.

Inside the opaque bytes of JoinGroup and SyncGroup, after an int16 with the version.
"""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.schema import ARRAY, BYTES, INT32, STRING, wire


@dataclass(slots=True)
class TopicPartition:
    topic: str = wire(STRING, since=1)
    partitions: list[int] = wire(ARRAY(INT32), since=1)


@dataclass(slots=True)
class ConsumerProtocolSubscription:
    FLEXIBLE_SINCE: ClassVar[int | None] = None
    VERSIONS: ClassVar = (0, 3)

    topics: list[str] = wire(ARRAY(STRING))
    user_data: bytes | None = wire(BYTES, nullable=0, default=None)
    owned_partitions: list[TopicPartition] = wire(ARRAY(TopicPartition), since=1)
    generation_id: int = wire(INT32, since=2, default=-1)
    rack_id: str | None = wire(STRING, since=3, nullable=3, default=None)


@dataclass(slots=True)
class TopicPartitionAssignment:
    topic: str = wire(STRING)
    partitions: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class ConsumerProtocolAssignment:
    FLEXIBLE_SINCE: ClassVar[int | None] = None
    VERSIONS: ClassVar = (0, 3)

    assigned_partitions: list[TopicPartitionAssignment] = wire(ARRAY(TopicPartitionAssignment))
    user_data: bytes | None = wire(BYTES, nullable=0, default=None)
