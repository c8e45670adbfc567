"""What the checker looks for, and how it tells of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from tests.support.workload.history import Event

E = TypeVar("E")


class Kind(StrEnum):
    """What can be wrong."""

    LOST_WRITE = "lost acknowledged write"
    DUPLICATE = "duplicate with idempotence"
    ABORTED_READ = "aborted read"
    INTERMEDIATE_READ = "intermediate read"
    REORDERED = "reordering within a partition"
    OFFSETS = "offset gap or reuse"
    NON_MONOTONIC_POLL = "non-monotonic poll"
    SKIPPED = "record skipped by a poll"
    LOST_COMMIT = "lost commit"
    STALE_ASSIGNMENT = "stale group assignment"
    NOT_ONCE = "transformed not exactly once"
    DELETED_READ = "deleted record read"
    LOG_START = "log start that goes back, or refuses what is there"
    RESURRECTED = "older value of a key that was deleted"
    TWO_HOLDERS = "record locked by two members of a share group"
    DELIVERY_COUNT = "delivery count beyond its limit, or going back"
    NOT_DELIVERED = "record never delivered to a share group"
    REDELIVERED = "record delivered after it was done"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One contradiction, with what is needed to find it in the history."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def of(events: Iterable[Event], kind: type[E]) -> Iterator[E]:
    """The events of one kind, in order."""
    return (event for event in events if isinstance(event, kind))
