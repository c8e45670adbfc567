"""A file system in memory that crashes, fills up and fails when told to.

Two states are kept: what a running process sees, and what the disk surely holds. `sync` copies a
file's bytes to the disk, `sync_directory` the names of a directory. `after_crash` gives the file
system that a machine finds after a power cut: of each file the synced bytes plus any part of the
unsynced ones, or zeros in their place; of each directory the synced names, or all of them. A new
directory's own name is one of those of its parent, if that was there before.
"""

from collections.abc import Sequence
from copy import deepcopy

from broker.errors import StorageError
from broker.storage.files import Buffer, File, Lock, disk_full


class Inode:
    """The bytes of one file: as seen now, and as synced."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.synced = b""
        self.sync_failed = False


class MemoryFile:
    descriptor = -1

    def __init__(self, files: "MemoryFiles", path: str, inode: Inode) -> None:
        self._files = files
        self._inode = inode
        self.path = path

    @property
    def size(self) -> int:
        return len(self._inode.data)

    def append(self, chunks: Sequence[Buffer]) -> int:
        position = len(self._inode.data)
        data = b"".join(chunks)
        self._files.before_write(self.path, len(data))
        self._inode.data += data
        self._files.bytes_left -= len(data)
        self._files.after_step()
        return position

    def read(self, position: int, length: int) -> bytes:
        data = bytes(self._inode.data[position : position + length])
        self._files.bytes_read[self.path] = self._files.bytes_read.get(self.path, 0) + len(data)
        return data

    def is_cached(self, position: int, length: int) -> bool:
        return False

    def sync(self) -> None:
        if self._inode.sync_failed:
            raise StorageError(f"an earlier sync of {self.path} failed: its end may be lost")
        try:
            self._files.before_sync(self.path)
        except StorageError:
            self._inode.sync_failed = True
            raise
        self._inode.synced = bytes(self._inode.data)
        self._files.after_step()

    def truncate(self, size: int) -> None:
        del self._inode.data[size:]
        self._files.after_step()

    def dup(self) -> int:
        raise StorageError(f"{self.path} has no descriptor: it lies in memory")


class MemoryLock:
    def __init__(self, held: set[str], path: str) -> None:
        if path in held:
            raise StorageError(f"{path} is locked: another broker uses this directory")
        held.add(path)
        self._held = held
        self._path = path

    def release(self) -> None:
        self._held.discard(self._path)


class MemoryFiles:
    """`Files` in memory. Steps (writes, syncs, renames ...) are counted; see `crash_after`."""

    def __init__(self) -> None:
        self._names: dict[str, Inode] = {}
        self._synced_names: dict[str, Inode] = {}
        self._directories: set[str] = set()
        self._unsynced_directories: set[str] = set()
        self._locks: set[str] = set()
        self.steps = 0
        self.writes = 0
        self.syncs = 0
        self.bytes_left = 1 << 62
        self.full_directory = ""  # no write below it has room; "": none
        self.bytes_read: dict[str, int] = {}
        self.crash_after: int | None = None  # raise PowerCut once so many steps are done
        self.fail_write: int | None = None  # StorageError at this write, counted from 1
        self.fail_sync: int | None = None

    # what the file system does ------------------------------------------------------------

    def open(self, path: str, *, create: bool = False) -> File:
        inode = self._names.get(path)
        if inode is None:
            if not create:
                raise FileNotFoundError(path)
            if _parent(path) not in self._directories:
                raise StorageError(f"cannot open {path}: No such file or directory")
            inode = self._names[path] = Inode()
            self.after_step()
        return MemoryFile(self, path, inode)

    def exists(self, path: str) -> bool:
        return path in self._names or path in self._directories

    def list_directory(self, path: str) -> list[str]:
        if path not in self._directories:
            raise StorageError(f"cannot list {path}: No such file or directory")
        entries = [*self._names, *self._directories]
        return sorted({_name(entry) for entry in entries if _parent(entry) == path})

    def make_directory(self, path: str) -> None:
        missing = []
        while path and path not in self._directories:
            missing.append(path)
            path = _parent(path)
        self._directories.update(missing)
        if path:
            self._unsynced_directories.update(missing)

    def rename(self, source: str, target: str) -> None:
        if source in self._directories:
            self._rename_directory(source, target)
        elif source in self._names:
            self._names[target] = self._names.pop(source)
        else:
            raise StorageError(f"cannot rename {source}: No such file or directory")
        self.after_step()

    def _rename_directory(self, source: str, target: str) -> None:
        for names in (self._names, self._synced_names):
            for path in [path for path in names if path.startswith(f"{source}/")]:
                names[target + path.removeprefix(source)] = names.pop(path)
        self._directories.discard(source)
        self._directories.add(target)
        self._unsynced_directories.discard(source)

    def remove(self, path: str) -> None:
        if self._names.pop(path, None) is not None:
            self.after_step()

    def remove_directory(self, path: str) -> None:
        for names in (self._names, self._synced_names):
            for entry in [entry for entry in names if entry.startswith(f"{path}/")]:
                del names[entry]
        self._directories.discard(path)

    def sync_directory(self, path: str) -> None:
        self.before_sync(path)
        for entry in [entry for entry in self._synced_names if _parent(entry) == path]:
            del self._synced_names[entry]
        for entry, inode in self._names.items():
            if _parent(entry) == path:
                self._synced_names[entry] = inode
        for entry in [entry for entry in self._unsynced_directories if _parent(entry) == path]:
            self._unsynced_directories.discard(entry)
        self.after_step()

    def modified_ms(self, path: str) -> int:
        return 0

    def free_bytes(self, path: str) -> int:
        return self.bytes_left

    def total_bytes(self, path: str) -> int:
        return max(self.bytes_left, 1 << 40)

    def lock(self, path: str) -> Lock:
        return MemoryLock(self._locks, path)

    # what tests tell it -------------------------------------------------------------------

    def before_write(self, path: str, length: int) -> None:
        self.writes += 1
        if self.writes == self.fail_write:
            raise StorageError(f"cannot append to {path}: input/output error")
        is_full = self.full_directory and path.startswith(self.full_directory)
        if is_full or length > self.bytes_left:
            raise disk_full(path, length)

    def before_sync(self, path: str) -> None:
        self.syncs += 1
        if self.syncs == self.fail_sync:
            raise StorageError(f"cannot sync {path}: input/output error")

    def after_step(self) -> None:
        self.steps += 1
        if self.steps == self.crash_after:
            raise PowerCut

    def after_crash(
        self,
        *,
        unsynced_bytes_lost: int | None = None,
        names_lost: bool = True,
        zeros: bool = False,
    ) -> "MemoryFiles":
        """The disk after a power cut.

        Each file loses up to `unsynced_bytes_lost` bytes from its unsynced end (None: all of
        them); a file that was cut shorter without a sync may have its old bytes back. With
        `zeros` a file is as long as it was, and what is lost of it reads as zeros: its new
        length was written down, its bytes were not.
        """
        survivor = MemoryFiles()
        unsynced = tuple(self._unsynced_directories) if names_lost else ()
        lost = {
            directory
            for directory in tuple(self._directories)
            if any(f"{directory}/".startswith(f"{one}/") for one in unsynced)
        }
        survivor._directories = set(self._directories) - lost
        names = self._synced_names if names_lost else self._names
        copies: dict[int, Inode] = {}
        for path, inode in tuple(names.items()):
            if _parent(path) in lost:
                continue
            if id(inode) not in copies:
                copies[id(inode)] = _inode_after_crash(inode, unsynced_bytes_lost, zeros=zeros)
            survivor._names[path] = survivor._synced_names[path] = copies[id(inode)]
        return survivor

    def copy(self) -> "MemoryFiles":
        """The same files as a running process sees them, on a machine of their own."""
        return deepcopy(self)

    def corrupt(self, path: str, position: int) -> None:
        """Flip the bits of one byte, as a bad disk does."""
        self._names[path].data[position] ^= 0xFF

    def contents(self, path: str) -> bytes:
        return bytes(self._names[path].data)

    def paths(self) -> list[str]:
        return sorted(self._names)


class PowerCut(BaseException):
    """The machine stops here; nothing that follows in the process happens."""


def _inode_after_crash(inode: Inode, unsynced_bytes_lost: int | None, *, zeros: bool) -> Inode:
    data = bytes(inode.data)
    if data.startswith(inode.synced):
        unsynced = len(data) - len(inode.synced)
        lost = unsynced if unsynced_bytes_lost is None else min(unsynced, unsynced_bytes_lost)
        data = data[: len(data) - lost] + bytes(lost if zeros else 0)
    else:
        data = inode.synced
    copy = Inode()
    copy.data = bytearray(data)
    copy.synced = data
    return copy


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _name(path: str) -> str:
    return path.rpartition("/")[2]
