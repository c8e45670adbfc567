"""Offset index: finds the byte position of an offset in one segment file.

Entry, 8 bytes big-endian: last offset of a batch - base_offset (i32) | position of the batch (i32)
Sparse: one entry per index.interval.bytes of log. Never trusted after a crash: rebuilt from the
.log, which alone is the truth.
"""

from struct import Struct

from broker.storage.files import Files
from broker.storage.index_file import IndexFile

OFFSET_ENTRY = Struct(">ii")
_OFFSET, _POSITION = 0, 1


class OffsetIndex:
    """Entries of one segment; offsets are absolute here, positions bytes into the .log."""

    __slots__ = ("base_offset", "file")

    def __init__(self, files: Files, path: str, base_offset: int) -> None:
        self.base_offset = base_offset
        self.file = IndexFile(files, path, OFFSET_ENTRY)

    def append(self, last_offset: int, position: int) -> None:
        self.file.append(last_offset - self.base_offset, position)

    def floor_position(self, offset: int) -> int:
        """Where to begin to walk towards `offset`: no later than the batch that has it."""
        slot = self.file.first_above(offset - self.base_offset, _OFFSET)
        return int(self.file.entry(slot - 1)[_POSITION]) if slot else 0

    def last_position_at_or_before(self, position: int) -> int:
        """The last known start of a batch at or before a position in the .log."""
        slot = self.file.first_above(position, _POSITION)
        return int(self.file.entry(slot - 1)[_POSITION]) if slot else 0

    def last(self) -> tuple[int, int] | None:
        """(last offset, position) of the last entry."""
        if not self.file.count:
            return None
        relative, position = self.file.entry(self.file.count - 1)
        return self.base_offset + relative, position

    def truncate_at(self, offset: int) -> None:
        """Drop the entries of batches that reach `offset` or lie above it."""
        self.file.truncate(self.file.first_at_or_above(offset - self.base_offset, _OFFSET))

    def is_sane(self, log_bytes: int) -> bool:
        """Whether its last entry can belong to a .log of this size."""
        last = self.last()
        if last is None:
            return True
        return last[0] >= self.base_offset and 0 <= last[1] < log_bytes
