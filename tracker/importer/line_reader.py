"""Reads a log line by line from a byte position, plain or gzip, with a bound on a line's length."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

LINE_BYTES_MAX: Final = 64 * 1024
SKIP_BYTES: Final = 1 << 20
GZIP_MAGIC: Final = b"\x1f\x8b"


class Line(NamedTuple):
    """One line of the log, without its newline."""

    text: str
    end: int  # position after it in the unpacked log
    complete: bool  # it ends with a newline
    too_long: bool


class LineReader:
    """`consumed` is how much of the file on disk was read, for a progress bar."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._raw = path.open("rb")
        self.size_bytes = path.stat().st_size
        magic = self._raw.read(len(GZIP_MAGIC))
        self._raw.seek(0)
        self._file: BinaryIO | gzip.GzipFile = self._raw
        if magic == GZIP_MAGIC:
            self._file = gzip.GzipFile(fileobj=self._raw, mode="rb")

    @property
    def consumed(self) -> int:
        return self._raw.tell()

    def lines(self, position: int) -> Iterator[Line]:
        """All lines from `position` on; raises OSError and EOFError (a gzip file cut short)."""
        self._skip(position)
        end = position
        while chunk := self._file.readline(LINE_BYTES_MAX):
            end += len(chunk)
            too_long = False
            while not chunk.endswith(b"\n"):
                more = self._file.readline(LINE_BYTES_MAX)
                if not more:
                    break
                too_long = True
                end += len(more)
                if more.endswith(b"\n"):
                    chunk += b"\n"
            complete = chunk.endswith(b"\n")
            text = chunk.decode(errors="replace").rstrip("\r\n")
            yield Line(text, end, complete, too_long)

    def _skip(self, position: int) -> None:
        if self._file is self._raw:
            self._file.seek(position)
            return
        left = position
        while left:
            skipped = len(self._file.read(min(left, SKIP_BYTES)))
            if not skipped:
                return
            left -= skipped

    def close(self) -> None:
        self._file.close()
        self._raw.close()
