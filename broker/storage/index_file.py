"""An index of one segment: sorted entries of one size, in memory or in their file.

The index of a segment that is written to lies in memory, and is persisted when the segment is
rolled, checkpointed or closed; its file is not held open meanwhile, so that a partition costs one
descriptor. The index of an older one lies in its file only and is searched there, so that a large
log costs no memory. One thread appends; any may look up meanwhile.
"""

from bisect import bisect_left, bisect_right
from struct import Struct
from typing import Any

from broker.storage.files import File, Files


class IndexFile:
    """Entries of one index; numbers are slots, counted from 0."""

    __slots__ = ("_data", "_entry", "_file", "_files", "_persisted", "_synced", "count", "path")

    def __init__(self, files: Files, path: str, entry: Struct) -> None:
        self._files = files
        self.path = path
        self._entry = entry
        self._data: bytearray | None = bytearray()
        self._persisted = 0  # entries that stand in the file as they do here
        self._synced = False  # what is persisted survives a power cut
        self._file: File | None = None
        self.count = 0

    def open_existing(self) -> bool:
        """Use the entries in the file, without reading them; False if they cannot be whole."""
        try:
            file = self._files.open(self.path)
        except FileNotFoundError:
            return False
        whole, rest = divmod(file.size, self._entry.size)
        if rest:
            return False
        self._file = file
        self._data = None
        self.count = self._persisted = whole
        return True

    def load(self) -> None:
        """Bring the entries into memory, to append to them."""
        if self._data is None and self._file is not None:
            self._data = bytearray(self._file.read(0, self.count * self._entry.size))
            self._file = None

    def unload(self) -> None:
        """Forget what the file has; to be called once all is persisted."""
        if self._data is None or self._persisted != self.count:
            return
        try:
            self._file = self._files.open(self.path)
        except FileNotFoundError:
            return  # no entries need no file
        self._data = None

    def append(self, *values: int) -> None:
        assert self._data is not None, "an index is loaded before it is appended to"
        self._data += self._entry.pack(*values)
        self.count += 1

    def entry(self, slot: int) -> tuple[Any, ...]:
        size = self._entry.size
        data, file = self._data, self._file
        if data is None and file is not None:
            return self._entry.unpack(file.read(slot * size, size))
        data = data or self._data  # loaded meanwhile
        assert data is not None, "an index without memory has a file"
        return self._entry.unpack_from(data, slot * size)

    def first_at_or_above(self, value: int, field: int) -> int:
        """Slot of the first entry whose field is >= value; `count` if none is."""
        return bisect_left(range(self.count), value, key=lambda slot: self.entry(slot)[field])

    def first_above(self, value: int, field: int) -> int:
        """Slot of the first entry whose field is > value; `count` if none is."""
        return bisect_right(range(self.count), value, key=lambda slot: self.entry(slot)[field])

    def truncate(self, count: int) -> None:
        """Keep the first `count` entries."""
        if count >= self.count:
            return
        self.load()
        assert self._data is not None
        self.count = count  # before the data shrinks: others may look entries up meanwhile
        self._data = self._data[: count * self._entry.size]
        if count < self._persisted:
            self._files.open(self.path).truncate(count * self._entry.size)
            self._persisted = count
            self._synced = False

    def reset(self) -> None:
        """Drop all entries, and whatever the file has."""
        self.count = self._persisted = 0
        self._synced = False
        self._data = bytearray()
        self._file = None
        if self._files.exists(self.path):
            self._files.open(self.path).truncate(0)

    def create(self) -> None:
        """Have a file, if an empty one."""
        self._whole_file()

    def _whole_file(self) -> File:
        """The file, opened for a moment, with the entries that count as persisted and no others."""
        file = self._files.open(self.path, create=True)
        if file.size != self._persisted * self._entry.size:
            file.truncate(0)
            self._persisted = 0
        return file

    def persist(self, *, sync: bool) -> None:
        """Bring the file up to the entries in memory; no entries need no file."""
        if self._data is None or (self._persisted == self.count and (self._synced or not sync)):
            return
        if self.count == 0:
            return
        file = self._whole_file()
        if self._persisted < self.count:
            file.append([bytes(self._data[self._persisted * self._entry.size :])])
            self._persisted = self.count
            self._synced = False
        if sync and not self._synced:
            file.sync()
            self._synced = True

    @property
    def size_bytes(self) -> int:
        return self.count * self._entry.size
