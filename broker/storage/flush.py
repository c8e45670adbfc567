"""How what was appended to a log gets on the disk: what is to be synced, and by whom.

`flush` does it at once. A flush may also be begun here, carried out by the kernel for many logs
together (docs/adr/0037), and ended here.
"""

from typing import NamedTuple, Protocol

from broker.errors import StorageError
from broker.storage import partition_directory
from broker.storage.files import File, Files
from broker.storage.segment import Segment


class SyncGuard(Protocol):
    """Keeps one sync of a log apart from another; a lock, where they come from several threads."""

    def acquire(self, blocking: bool = True) -> bool: ...

    def release(self) -> None: ...


class NoGuard:
    """Where all of a log happens in one thread."""

    def acquire(self, blocking: bool = True) -> bool:
        return True

    def release(self) -> None:
        pass


class Flush(NamedTuple):
    """A flush that another carries out: `Syncing.begin` and `end`."""

    end_offset: int
    segments: list[Segment]

    @property
    def files(self) -> list[File]:
        """What is to be synced."""
        return [segment.file for segment in self.segments]


class Ending(Protocol):
    """The log that is synced, or what else knows where it ends now."""

    @property
    def end_offset(self) -> int: ...


class Syncing:
    """What of one log is not on the disk yet.

    What is written and renamed is told by the thread that appends; flushes may run beside it, in
    other threads, and `guard` keeps them apart from each other. The log is named with each flush,
    not held: its files close themselves when nobody holds it (files.File), which a circle of two
    would put off until garbage is collected.
    """

    __slots__ = (
        "_directory",
        "_directory_unsynced",
        "_files",
        "_has_failed",
        "_names_unsynced",
        "_unsynced",
        "flushed_offset",
        "guard",
    )

    def __init__(
        self,
        files: Files,
        directory: str,
        *,
        flushed_offset: int,
        names_are_safe: bool,
    ) -> None:
        """`names_are_safe`: of the log's files and of its directory."""
        self._files = files
        self._directory = directory
        self.flushed_offset = flushed_offset
        """Everything below survives a power cut."""
        self.guard: SyncGuard = NoGuard()
        self._unsynced: list[Segment] = []
        self._names_unsynced = not names_are_safe
        self._directory_unsynced = not names_are_safe  # its own name, in the log directory
        self._has_failed = False

    def written(self, active: Segment) -> None:
        """The active segment was appended to."""
        if not self._unsynced:
            self._unsynced.append(active)

    def names_changed(self) -> None:
        """A file was made or renamed: the next flush makes its name safe as well."""
        self._names_unsynced = True

    def flush(self, log: Ending) -> int:
        """Sync what was appended so far; the offset up to which that is.

        A failed sync is a StorageError, now and at every later flush.
        """
        self.guard.acquire()
        try:
            if self._has_failed:  # perhaps while this flush waited: it is told only once
                lost = f"an earlier sync in {self._directory} failed: its end may be lost"
                raise StorageError(lost)
            return self._sync(log)
        except StorageError:
            self._has_failed = True
            raise
        finally:
            self.guard.release()

    def begin(self, log: Ending, files_max: int) -> Flush | None:
        """Let the caller sync what was appended so far; every other flush waits for `end`.

        None when it takes more than syncs of so many files that the operating system knows.
        """
        if not self.guard.acquire(blocking=False):
            return None
        end_offset = log.end_offset  # marks are taken off behind it, as in `_sync`
        unsynced, self._unsynced = self._unsynced, []
        flush = Flush(end_offset, unsynced)
        # Names are looked at after the marks: a segment has its mark later than its name.
        if (
            self._has_failed
            or self._names_unsynced
            or self._directory_unsynced
            or len(unsynced) > files_max
            or any(one.file.descriptor < 0 for one in unsynced)
        ):
            self.give_up(flush)
            return None
        return flush

    def end(self, flush: Flush, *, synced: bool) -> None:
        """All files of `flush` are synced; or one is not, and so this log never will be."""
        if synced:
            self.flushed_offset = flush.end_offset
        else:
            self._has_failed = True
        self.guard.release()

    def give_up(self, flush: Flush) -> None:
        """Not all of it was done: the next flush syncs its files."""
        self._unsynced = [*flush.segments, *self._unsynced]
        self.guard.release()

    def _sync(self, log: Ending) -> int:
        """What is appended meanwhile is marked for the next sync: marks are taken off first."""
        end_offset = log.end_offset
        unsynced, self._unsynced = self._unsynced, []
        for segment in unsynced:
            segment.file.sync()
        if self._directory_unsynced:
            partition_directory.sync_topic_id(self._files, self._directory)
        if self._names_unsynced:
            self._names_unsynced = False
            self._files.sync_directory(self._directory)
        if self._directory_unsynced:
            self._directory_unsynced = False
            self._files.sync_directory(self._directory.rpartition("/")[0])
        self.flushed_offset = end_offset
        return end_offset
