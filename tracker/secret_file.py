"""Small files that hold a secret: only their owner reads them, and there is always a whole one.

The next content is written to `<name>.tmp` beside the file. A writer that is killed leaves that,
and the next one writes over it: no secret outlives the file that it was meant for.
"""

import fcntl
import os
from pathlib import Path

from footfall.folders import make_folder, sync_folder


def replace_file(path: Path, content: bytes) -> None:
    """Atomically, mode 0600, on disk when it returns; raises OSError."""
    make_folder(path.parent)
    temporary = path.with_name(f"{path.name}.tmp")
    with os.fdopen(_held_alone(temporary), "wb") as file:
        try:
            file.truncate(0)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    sync_folder(path.parent)  # its new name, too


def _held_alone(temporary: Path) -> int:
    """Opened by one writer at a time; the others wait until the file has its name, or is gone."""
    while True:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_at(temporary, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether an open file still has this name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
