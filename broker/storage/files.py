"""The only door to the disk.

`Files` is what storage needs of a file system; `OsFiles` is the operating system's, tests bring
one that crashes. Three kinds of failure:
- the disk is full: nothing is changed, KafkaError KAFKA_STORAGE_ERROR (clients retry it);
- a file to open that is not there: FileNotFoundError;
- anything else the disk says: StorageError. A failed sync is never tried again, since Linux may
  have dropped the dirty pages and would report success the next time: the file stays failed.

A `File` closes itself when nobody holds it any more. A segment that is deleted is thereby readable
until the last `FileSlice` of it has been sent, and no descriptor number is reused under a reader.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Sequence
from typing import Protocol

from broker.errors import ErrorCode, KafkaError, StorageError
from broker.storage.page_cache import PageCache

Buffer = bytes | bytearray | memoryview

_FULL = (errno.ENOSPC, errno.EDQUOT)
_IOV_MAX = 1024  # Linux, buffers in one pwritev
_DIRECTORY_MODE = 0o755
_FILE_MODE = 0o644
PAGE_CACHE = PageCache()


class File(Protocol):
    """One open file that grows at its end; reads are safe beside one appending thread."""

    @property
    def path(self) -> str: ...

    @property
    def size(self) -> int:
        """Bytes in the file: the position of the next append."""

    @property
    def descriptor(self) -> int:
        """Of the operating system, while this object lives; -1: it has none."""

    def append(self, chunks: Sequence[Buffer]) -> int:
        """Add all of `chunks` at the end, or nothing; the position where they begin."""

    def read(self, position: int, length: int) -> bytes:
        """Up to `length` bytes; fewer only where the file ends."""

    def is_cached(self, position: int, length: int) -> bool:
        """Whether all these bytes are in memory; False where that is not known."""

    def sync(self) -> None:
        """Make what was appended survive a power cut (fdatasync)."""

    def truncate(self, size: int) -> None:
        """Cut the file to `size` bytes."""

    def dup(self) -> int:
        """A descriptor of its own for sendfile; the caller closes it."""


class Lock(Protocol):
    """A directory held by this process until released."""

    def release(self) -> None: ...


class Files(Protocol):
    """A file system, as far as storage needs it. Paths are absolute or relative, '/' between."""

    def open(self, path: str, *, create: bool = False) -> File:
        """The file at `path`; FileNotFoundError if it is not there and not to be created.

        StorageError when it cannot be created, also for want of its directory.
        """

    def exists(self, path: str) -> bool: ...

    def list_directory(self, path: str) -> list[str]:
        """Names in a directory, in order; StorageError without it."""

    def make_directory(self, path: str) -> None:
        """Make it and its parents where they are missing."""

    def rename(self, source: str, target: str) -> None:
        """Rename a file or directory; a file at `target` is replaced at once."""

    def remove(self, path: str) -> None:
        """Unlink a file; nothing happens if it is not there."""

    def remove_directory(self, path: str) -> None:
        """Remove a directory with all that is in it; nothing happens if it is not there."""

    def sync_directory(self, path: str) -> None:
        """Make creations, renames and removals of names in it survive a power cut."""

    def modified_ms(self, path: str) -> int:
        """When the file was last written, milliseconds since 1970."""

    def free_bytes(self, path: str) -> int:
        """Bytes that can still be written below this directory."""

    def total_bytes(self, path: str) -> int:
        """How large the file system of `path` is."""
        ...

    def lock(self, path: str) -> Lock:
        """Hold the lock file at `path`; StorageError if another process holds it."""


def disk_full(path: str, bytes_asked: int) -> KafkaError:
    """The refusal when there is no room: nothing was changed, the client may try again."""
    return KafkaError(
        ErrorCode.KAFKA_STORAGE_ERROR, f"no space left for {bytes_asked} bytes in {path}"
    )


def make_durably(files: Files, path: str) -> None:
    """Make a directory and its parents where they are missing; a power cut leaves them there."""
    missing: list[str] = []
    while path and not files.exists(path):
        missing.append(path)
        path = path.rpartition("/")[0]
    for new in reversed(missing):
        files.make_directory(new)
        parent, slash, _ = new.rpartition("/")
        files.sync_directory(parent or slash or ".")


class OsFile:
    """A file of the operating system, opened for reading and appending."""

    __slots__ = ("_failed", "descriptor", "path", "size")

    def __init__(self, path: str, *, create: bool) -> None:
        self.path = path
        self._failed = False
        self.descriptor = -1
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
        try:
            self.descriptor = os.open(path, flags, _FILE_MODE)
            self.size = os.fstat(self.descriptor).st_size
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not create:
                raise
            raise _failure("open", path, error) from error

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)

    def append(self, chunks: Sequence[Buffer]) -> int:
        position, length = self.size, sum(map(len, chunks))
        try:
            written = os.pwritev(self.descriptor, chunks[:_IOV_MAX], position)
            if written != length:
                self._append_rest(chunks, position, written)
        except OSError as error:
            self._take_back(position)
            if error.errno in _FULL:
                raise disk_full(self.path, length) from error
            raise _failure("append to", self.path, error) from error
        self.size = position + length
        return position

    def _append_rest(self, chunks: Sequence[Buffer], position: int, written: int) -> None:
        """Write what a short pwritev left over (a nearly full disk, over 2 GiB, many chunks)."""
        rest = memoryview(b"".join(chunks))[written:]
        while rest:
            taken = os.pwrite(self.descriptor, rest, position + written)
            if taken == 0:
                raise OSError(errno.ENOSPC, "write took nothing")
            written += taken
            rest = rest[taken:]

    def _take_back(self, size: int) -> None:
        """Cut half an append off again, or the next one would follow garbage."""
        try:
            os.ftruncate(self.descriptor, size)
        except OSError as error:
            self._failed = True
            raise _failure("take a failed append back from", self.path, error) from error

    def read(self, position: int, length: int) -> bytes:
        try:
            data = os.pread(self.descriptor, length, position)
            if len(data) == length:
                return data
            parts = [data]
            while data and (left := length - sum(map(len, parts))) > 0:
                data = os.pread(self.descriptor, left, position + length - left)
                parts.append(data)
        except OSError as error:
            raise _failure("read", self.path, error) from error
        return b"".join(parts)

    def is_cached(self, position: int, length: int) -> bool:
        return PAGE_CACHE.has(self.descriptor, position, length)

    def sync(self) -> None:
        if self._failed:
            raise StorageError(f"an earlier sync of {self.path} failed: its end may be lost")
        try:
            os.fdatasync(self.descriptor)
        except OSError as error:
            self._failed = True
            raise _failure("sync", self.path, error) from error

    def truncate(self, size: int) -> None:
        try:
            os.ftruncate(self.descriptor, size)
        except OSError as error:
            raise _failure("truncate", self.path, error) from error
        self.size = size

    def dup(self) -> int:
        try:
            return os.dup(self.descriptor)
        except OSError as error:
            raise _failure("dup", self.path, error) from error


class OsLock:
    """An flock on a file; the operating system releases it when the process ends."""

    def __init__(self, path: str) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
        except OSError as error:
            raise _failure("open", path, error) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise StorageError(
                f"{path} is locked: another broker uses this directory; stop it or set another"
            ) from error

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class OsFiles:
    """The file system of the operating system."""

    def open(self, path: str, *, create: bool = False) -> File:
        return OsFile(path, create=create)

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def list_directory(self, path: str) -> list[str]:
        try:
            return sorted(os.listdir(path))
        except OSError as error:
            raise _failure("list", path, error) from error

    def make_directory(self, path: str) -> None:
        try:
            os.makedirs(path, _DIRECTORY_MODE, exist_ok=True)
        except OSError as error:
            raise _refusal_or_failure("make directory", path, error) from error

    def rename(self, source: str, target: str) -> None:
        try:
            os.replace(source, target)
        except OSError as error:
            raise _refusal_or_failure("rename", source, error) from error

    def remove(self, path: str) -> None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _failure("remove", path, error) from error

    def remove_directory(self, path: str) -> None:
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _failure("remove directory", path, error) from error

    def sync_directory(self, path: str) -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _failure("sync directory", path, error) from error

    def modified_ms(self, path: str) -> int:
        try:
            return os.stat(path).st_mtime_ns // 1_000_000
        except OSError as error:
            raise _failure("ask for the age of", path, error) from error

    def free_bytes(self, path: str) -> int:
        figures = self._figures(path)
        return figures.f_bavail * figures.f_frsize

    def total_bytes(self, path: str) -> int:
        figures = self._figures(path)
        return figures.f_blocks * figures.f_frsize

    @staticmethod
    def _figures(path: str) -> os.statvfs_result:
        try:
            return os.statvfs(path)
        except OSError as error:
            raise _failure("ask for the room in", path, error) from error

    def lock(self, path: str) -> Lock:
        return OsLock(path)


def _failure(action: str, path: str, error: OSError) -> StorageError:
    return StorageError(f"cannot {action} {path}: {error.strerror or error}")


def _refusal_or_failure(action: str, path: str, error: OSError) -> Exception:
    return disk_full(path, 0) if error.errno in _FULL else _failure(action, path, error)
