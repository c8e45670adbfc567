"""Bytes of a segment, not read yet: what a fetch hands to the socket."""

from broker.storage.files import File

_LOAD_BYTES = 262_144  # in one read, whose copy nobody wants


class FileSlice:
    """`length` bytes of `file` from `position` on; holds the file open until it is dropped."""

    __slots__ = ("file", "length", "position")

    def __init__(self, file: File, position: int, length: int) -> None:
        self.file = file
        self.position = position
        self.length = length

    def __len__(self) -> int:
        return self.length

    def dup(self) -> int:
        """A descriptor of its own for sendfile; the caller closes it."""
        return self.file.dup()

    def read(self) -> bytes:
        """The bytes themselves: for small answers and tests."""
        return self.file.read(self.position, self.length)

    def load(self) -> None:
        """Bring what is not in memory there, so that sending it does not wait for the disk."""
        if self.file.is_cached(self.position, self.length):
            return
        end = self.position + self.length
        for position in range(self.position, end, _LOAD_BYTES):
            self.file.read(position, min(_LOAD_BYTES, end - position))
