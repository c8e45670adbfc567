"""Records between the start and the end of a share partition, in the runs they were given out in.

A chunk is a run of records that one member was given at once. As long as the same became of all of
them they have one fate together; a chunk that was answered or given out in parts has one for each.
Chunks matter to members: what comes back is given again in the same runs (Kafka's InFlightBatch).
"""

from bisect import bisect_right, insort
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from enum import IntEnum

NEVER = float("inf")


class State(IntEnum):
    """Kafka's numbers in __share_group_state."""

    AVAILABLE = 0
    ACQUIRED = 1
    ACKNOWLEDGED = 2
    ARCHIVED = 4


DONE = (State.ACKNOWLEDGED, State.ARCHIVED)


@dataclass(slots=True)
class Fate:
    """Of one record, or of all of a chunk. `count`: how often it was given to somebody."""

    state: State
    count: int
    member_id: str = ""
    lock_ends_at: float = NEVER
    kept_count: int = 0
    """Deliveries that the log knows of."""

    def acquire(self, member_id: str, lock_ends_at: float) -> None:
        self.state, self.member_id, self.lock_ends_at = State.ACQUIRED, member_id, lock_ends_at
        self.count += 1


Piece = tuple[int, int, Fate]
"""First and last offset of neighbours with one fate."""


@dataclass(slots=True)
class Chunk:
    """Offsets inclusive. Either `whole` or `each` says what became of them."""

    first: int
    last: int
    whole: Fate | None
    each: list[Fate] = field(default_factory=list)
    size: int = 0
    """Records it had when it was given, also those before the start of the share partition."""

    def __post_init__(self) -> None:
        self.size = self.last - self.first + 1

    def split(self) -> None:
        """From now on each record has a fate of its own."""
        if self.whole is not None:
            self.each = [copy(self.whole) for _ in range(self.first, self.last + 1)]
            self.whole = None

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        """All of it from `first` on, in order."""
        if self.whole is not None:
            yield max(first, self.first), self.last, self.whole
            return
        for offset in range(max(first, self.first), self.last + 1):
            yield offset, offset, self.each[offset - self.first]

    def put(self, first: int, last: int, fate: Fate) -> None:
        """What became of the records of this chunk between the two."""
        if self.whole is not None and first <= self.first and self.last <= last:
            self.whole = copy(fate)
            return
        self.split()
        for offset in range(max(first, self.first), min(last, self.last) + 1):
            self.each[offset - self.first] = copy(fate)

    def begin_at(self, first: int) -> None:
        """The records before `first` are done with."""
        self.split()
        self.each = self.each[first - self.first :]
        self.first = first


class InFlight:
    """Chunks in order; they never overlap."""

    def __init__(self) -> None:
        self._chunks: list[Chunk] = []

    def __iter__(self) -> Iterator[Chunk]:
        return iter(self._chunks)

    def __bool__(self) -> bool:
        return bool(self._chunks)

    def add(self, chunk: Chunk) -> None:
        insort(self._chunks, chunk, key=_first)

    def between(self, first: int, last: int) -> list[Chunk]:
        """Those that hold any offset of [first, last]."""
        begin = bisect_right(self._chunks, first, key=_first)
        if begin and self._chunks[begin - 1].last >= first:
            begin -= 1
        return self._chunks[begin : bisect_right(self._chunks, last, key=_first)]

    def holes(self, first: int, last: int) -> list[tuple[int, int]]:
        """Runs of [first, last] that no chunk holds."""
        holes = []
        for chunk in self.between(first, last):
            if chunk.first > first:
                holes.append((first, chunk.first - 1))
            first = chunk.last + 1
        if first <= last:
            holes.append((first, last))
        return holes

    def begin_at(self, start: int) -> None:
        """Forget what lies before `start`."""
        gone = bisect_right(self._chunks, start - 1, key=lambda chunk: chunk.last)
        del self._chunks[:gone]
        if self._chunks and self._chunks[0].first < start:
            self._chunks[0].begin_at(start)


def _first(chunk: Chunk) -> int:
    return chunk.first
