"""Bytes of a segment, not read yet: what a fetch hands to the socket."""

from broker.storage.files import File


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
