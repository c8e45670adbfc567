"""Time index: finds where in a segment a time begins.

Entry, 12 bytes big-endian: timestamp (i64) | last offset of the batch that has it - base (i32)
An entry says: no record up to that offset is younger. Timestamps strictly increase.
"""

from struct import Struct

from broker.storage.files import Files
from broker.storage.index_file import IndexFile

TIME_ENTRY = Struct(">qi")
_TIMESTAMP, _OFFSET = 0, 1
_NO_TIMESTAMP = -1


class TimeIndex:
    """Entries of one segment; offsets are absolute here."""

    __slots__ = ("base_offset", "file")

    def __init__(self, files: Files, path: str, base_offset: int) -> None:
        self.base_offset = base_offset
        self.file = IndexFile(files, path, TIME_ENTRY)

    def append_if_later(self, timestamp: int, offset: int) -> None:
        """Add an entry unless one is there that says as much; none for records without a time."""
        last = self.last()
        if timestamp > (_NO_TIMESTAMP if last is None else last[0]):
            self.file.append(timestamp, offset - self.base_offset)

    def last(self) -> tuple[int, int] | None:
        """(timestamp, offset) of the last entry: the largest timestamp known here."""
        if not self.file.count:
            return None
        timestamp, relative = self.file.entry(self.file.count - 1)
        return timestamp, self.base_offset + relative

    def floor_offset(self, timestamp: int) -> int:
        """An offset that no record with a timestamp of at least `timestamp` comes before."""
        slot = self.file.first_at_or_above(timestamp, _TIMESTAMP)
        if not slot:
            return self.base_offset
        return self.base_offset + int(self.file.entry(slot - 1)[_OFFSET])

    def truncate_at(self, offset: int) -> None:
        """Drop the entries of batches that reach `offset` or lie above it."""
        self.file.truncate(self.file.first_at_or_above(offset - self.base_offset, _OFFSET))

    def is_sane(self) -> bool:
        last = self.last()
        return last is None or last[1] >= self.base_offset
