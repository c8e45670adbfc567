"""One bounded log file a role: <data>/logs/<role>.log, rotated to .1, .2 ... by size.

Logging must never stop the appliance: a full disk loses log lines, and nothing else.
"""

import os
from pathlib import Path


class RotatedLog:
    """Appends lines; at most `files_kept` rotated files of about `file_bytes` each remain."""

    def __init__(self, path: Path, file_bytes: int, files_kept: int) -> None:
        self._path = path
        self._file_bytes = file_bytes
        self._files_kept = files_kept
        self._descriptor = -1
        self._size = 0

    def write(self, line: str) -> None:
        """Appends one line; gives up silently when the disk does not take it."""
        data = (line + "\n").encode(errors="replace")
        try:
            if self._descriptor < 0:
                self._open()
            if self._size and self._size + len(data) > self._file_bytes:
                self._rotate()
            self._size += os.write(self._descriptor, data)
        except OSError:
            self.close()

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o600)
        self._size = os.fstat(self._descriptor).st_size

    def _rotate(self) -> None:
        self.close()
        for number in range(self._files_kept, 0, -1):
            source = self._path if number == 1 else self._numbered(number - 1)
            if source.exists():
                source.replace(self._numbered(number))
        self._open()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
