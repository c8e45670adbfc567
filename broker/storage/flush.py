"""A flush that somebody else carries out, and what keeps two syncs of one log apart."""

from typing import NamedTuple, Protocol

from broker.storage.files import File
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
    """A flush that another carries out: `Log.begin_flush` and `end_flush`."""

    end_offset: int
    segments: list[Segment]

    @property
    def files(self) -> list[File]:
        """What is to be synced."""
        return [segment.file for segment in self.segments]
