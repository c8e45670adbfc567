"""What is asked of a partition: up to where to read, and when an append is answered."""

import enum
from dataclasses import dataclass

ACKS_ALL = -1
NO_EPOCH = -1


class ReadEnd(enum.Enum):
    """Up to where a reader may see."""

    HIGH_WATERMARK = 0  # isolation level read_uncommitted
    LAST_STABLE_OFFSET = 1  # isolation level read_committed
    LOG_END = 2  # replicas


@dataclass(frozen=True, slots=True)
class AppendWish:
    """When an append is answered: at the moment that `acks` asks for, or after `timeout_ms`."""

    acks: int
    timeout_ms: int
