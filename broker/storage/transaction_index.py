"""Transaction index: the aborted transactions whose marker lies in one segment.

Entry, 34 bytes big-endian: version i16 (0) | producer_id i64 | first_offset i64
                          | last_offset i64 (the marker's) | last_stable_offset i64 (after it)
The file exists only where a transaction was aborted.
"""

from struct import Struct
from typing import NamedTuple

from broker.storage.files import File, Files

_ENTRY = Struct(">hqqqq")
_VERSION = 0


class AbortedTransaction(NamedTuple):
    """Records of `producer_id` from first_offset to last_offset must not be seen."""

    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int


class TransactionIndex:
    """All entries are kept in memory (few transactions abort) and written at once."""

    __slots__ = ("_entries", "_file", "_files", "_path")

    def __init__(self, files: Files, path: str) -> None:
        self._files = files
        self._path = path
        self._file: File | None = None
        self._entries: tuple[AbortedTransaction, ...] = ()

    def load(self) -> bool:
        """Read the file if there is one; False if it is damaged."""
        try:
            self._file = self._files.open(self._path)
        except FileNotFoundError:
            return True
        data = self._file.read(0, self._file.size)
        if len(data) % _ENTRY.size:
            return False
        fields = list(_ENTRY.iter_unpack(data))
        if any(version != _VERSION for version, *_ in fields):
            return False
        self._entries = tuple(AbortedTransaction(*rest) for _, *rest in fields)
        return True

    def append(self, aborted: AbortedTransaction) -> None:
        if self._file is None:
            self._file = self._files.open(self._path, create=True)
        self._file.append([_ENTRY.pack(_VERSION, *aborted)])
        self._entries = (*self._entries, aborted)

    def replace(self, entries: tuple[AbortedTransaction, ...]) -> None:
        """Have exactly these entries, in the file too."""
        self._entries = entries
        if self._file is None and not entries and not self._files.exists(self._path):
            return
        if self._file is None:
            self._file = self._files.open(self._path, create=True)
        self._file.truncate(0)
        self._file.append([b"".join(_ENTRY.pack(_VERSION, *entry) for entry in entries)])

    def truncate_at(self, offset: int) -> None:
        """Drop the transactions whose marker lies at or above `offset`.

        What stays is not written again where it need not be: this is called when the disk is full.
        """
        kept = tuple(entry for entry in self._entries if entry.last_offset < offset)
        if len(kept) == len(self._entries):
            return
        if self._file is not None and kept == self._entries[: len(kept)]:
            self._entries = kept
            self._file.truncate(len(kept) * _ENTRY.size)
        else:
            self.replace(kept)

    def sync(self) -> None:
        if self._file is not None:
            self._file.sync()

    @property
    def entries(self) -> tuple[AbortedTransaction, ...]:
        return self._entries
