"""Where the newest batches of a log begin: reads at its tail need no index and no disk."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

Appended = tuple[int, int, int, int, int]
"""A batch in the .log: base offset, last offset, position, size in bytes, largest timestamp."""
BATCHES_MIN = 1024  # known after forgetting; twice as many at most
_BATCHES_MAX = 2 * BATCHES_MIN


class TailMap:
    """Base offsets and positions of the last batches of the active segment, without a gap.

    Arrays, not lists: of thousands of partitions each number would else be an object of its own.

    One thread adds, others look up: positions grow before offsets do, and forgetting puts new
    arrays in place at once, so that a reader always has two that belong together.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: tuple[array[int], array[int]] = (array("q"), array("q"))

    def add(self, batches: Iterable[Appended]) -> None:
        """Add some behind the last one."""
        offsets, positions = self._known
        for base_offset, _, position, _, _ in batches:
            positions.append(position)
            offsets.append(base_offset)
        if len(offsets) > _BATCHES_MAX:
            self._known = (offsets[-BATCHES_MIN:], positions[-BATCHES_MIN:])

    def clear(self) -> None:
        self._known = (array("q"), array("q"))

    def floor_position(self, offset: int) -> int | None:
        """Position of the batch that has `offset`; None if it is older than what is known."""
        offsets, positions = self._known
        slot = bisect_right(offsets, offset)
        return positions[slot - 1] if slot else None

    def position_of_end(self, end_offset: int, end_position: int) -> int | None:
        """Where the batches below `end_offset` end; None if that is older than what is known.

        `end_position`: the answer when no batch begins at or above `end_offset`.
        """
        offsets, positions = self._known
        slot = bisect_left(offsets, end_offset)
        if slot == len(offsets):
            return end_position if offsets else None
        return positions[slot] if slot or offsets[0] == end_offset else None

    def last_boundary(self, position: int) -> int | None:
        """The last start of a batch at or before `position`; None if that is not known."""
        _, positions = self._known
        slot = bisect_right(positions, position)
        return positions[slot - 1] if slot else None
