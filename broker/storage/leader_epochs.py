"""Leader epochs of one log (KIP-101): at which offset each leader began to write.

Kept in `leader-epoch-checkpoint`, one `epoch start_offset` a line, both growing. Written when the
log is checkpointed: newer epochs stand in the batches that recovery walks.
"""

import logging
from bisect import bisect_right
from collections.abc import Iterable
from operator import itemgetter

from broker.errors import StorageError
from broker.storage import checkpoint
from broker.storage.files import Files

log = logging.getLogger(__name__)

FILE_NAME = "leader-epoch-checkpoint"
UNDEFINED_EPOCH = -1
UNDEFINED_OFFSET = -1


class LeaderEpochs:
    """(epoch, start offset) in order."""

    __slots__ = ("_directory", "_entries", "_files", "_persisted", "latest")

    def __init__(self, files: Files, directory: str) -> None:
        self._files = files
        self._directory = directory
        self._take(())
        self._persisted: tuple[tuple[int, int], ...] = ()

    def load(self) -> bool:
        """Read the checkpoint; False if it is damaged: the batches tell what it should say."""
        path = f"{self._directory}/{FILE_NAME}"
        try:
            entries = checkpoint.read_entries(self._files, path) or []
            self._take((int(epoch), int(start)) for epoch, start in entries)
        except (StorageError, ValueError) as error:
            log.error("leader epochs are read from the log, %s is damaged: %s", path, error)
            return False
        self._persisted = self._entries
        return True

    @property
    def entries(self) -> tuple[tuple[int, int], ...]:
        return self._entries

    def assign(self, epoch: int, start_offset: int) -> None:
        """Note that `epoch` writes from `start_offset` on, if it is a new one."""
        if epoch < 0 or (self._entries and epoch <= self._entries[-1][0]):
            return
        kept = tuple(entry for entry in self._entries if entry[1] < start_offset)
        self._take((*kept, (epoch, start_offset)))

    def epoch_of(self, offset: int) -> int:
        """The epoch that wrote the record at `offset`; -1 if it is not known."""
        slot = bisect_right(self._entries, offset, key=itemgetter(1))
        return self._entries[slot - 1][0] if slot else UNDEFINED_EPOCH

    def end_offset_for(self, epoch: int, leader_epoch: int, end_offset: int) -> tuple[int, int]:
        """(largest known epoch <= `epoch`, where it ends); (-1, -1) if it is not known.

        An epoch older than all that are known is answered with the start of the first one. That of
        the leader is known even before it writes anything.
        """
        entries = self._entries
        if self.latest < leader_epoch:
            entries = (*entries, (leader_epoch, end_offset))
        if not entries or epoch > entries[-1][0] or epoch == UNDEFINED_EPOCH:
            return UNDEFINED_EPOCH, UNDEFINED_OFFSET
        if epoch == entries[-1][0]:
            return epoch, end_offset
        slot = bisect_right(entries, epoch, key=itemgetter(0))
        if slot == 0:
            return epoch, entries[0][1]
        return entries[slot - 1][0], entries[slot][1]

    def truncate_from_end(self, end_offset: int) -> None:
        """Drop the epochs that start at or above the end of the log."""
        self._take(entry for entry in self._entries if entry[1] < end_offset)

    def truncate_from_start(self, start_offset: int) -> None:
        """Drop the epochs that end before the log starts; the first one then starts there."""
        slot = bisect_right(self._entries, start_offset, key=itemgetter(1))
        if slot == 0:
            return
        self._take(((self._entries[slot - 1][0], start_offset), *self._entries[slot:]))

    def persist(self) -> None:
        """Replace the checkpoint, if it says anything else."""
        entries = self._entries
        if entries == self._persisted:
            return
        checkpoint.write_entries(
            self._files,
            self._directory,
            FILE_NAME,
            (f"{epoch} {start_offset}" for epoch, start_offset in entries),
        )
        self._persisted = entries

    def _take(self, entries: Iterable[tuple[int, int]]) -> None:
        self._entries = tuple(entries)
        self.latest = self._entries[-1][0] if self._entries else UNDEFINED_EPOCH
        """The newest epoch; -1 before the first record. Each append asks for it."""
