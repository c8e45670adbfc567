"""Flushes of one log that come from two sides: one that waits learns what became of the other."""

from collections.abc import Callable
from pathlib import Path

import pytest

from broker.errors import StorageError
from broker.storage.files import OsFiles
from broker.storage.log import Log, LogConfig
from tests.support.batches import NOW_MS, append, batch, open_log
from tests.support.memory_files import MemoryFiles

FILES_MAX = 10


class Guard:
    """While it is acquired for the first time, something happens in another thread."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self._meanwhile = [meanwhile]
        self.is_held = False

    def acquire(self, blocking: bool = True) -> bool:
        if self._meanwhile:
            self._meanwhile.pop()()
        self.is_held = True
        return True

    def release(self) -> None:
        self.is_held = False


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """One with a batch whose name is safe, and one behind it that is not synced."""
    made = Log.open(OsFiles(), str(tmp_path / "t-0"), ("t", 0), LogConfig(), now_ms=NOW_MS)
    append(made, batch(b"first"))
    made.flush()
    append(made, batch(b"second"))
    return made


def test_a_flush_that_waited_for_a_failed_one_fails_too(log: Log) -> None:
    """The kernel tells a failure once: to sync the same file again would look like a success."""
    flush = log.syncing.begin(log, FILES_MAX)
    assert flush is not None
    append(log, batch(b"third"))
    guard = log.syncing.guard = Guard(lambda: log.syncing.end(flush, synced=False))

    with pytest.raises(StorageError, match="an earlier sync"):
        log.flush()

    assert (log.flushed_offset, guard.is_held) == (1, False)


class BusyFiles(MemoryFiles):
    """Something happens right after a sync, before who asked for it goes on."""

    meanwhile: Callable[[], object] | None = None

    def after_step(self) -> None:
        super().after_step()
        happening, self.meanwhile = self.meanwhile, None
        if happening is not None:
            happening()


def test_what_is_appended_during_a_flush_is_not_taken_for_safe() -> None:
    files = BusyFiles()
    log = open_log(files)
    append(log, batch(b"first"))
    files.meanwhile = lambda: append(log, batch(b"second"))

    safe_offset = log.flush()
    left = open_log(files.after_crash(unsynced_bytes_lost=None))

    assert (safe_offset, log.flushed_offset, log.end_offset) == (1, 1, 2)
    assert left.end_offset == 1
    assert log.flush() == 2


def test_a_recovery_point_is_never_ahead_of_what_was_flushed() -> None:
    files = BusyFiles()
    log = open_log(files)
    append(log, batch(b"first"))
    files.meanwhile = lambda: append(log, batch(b"second"))

    assert (log.checkpoint(), log.recovery_point, log.end_offset) == (1, 1, 2)


def test_a_flush_that_the_kernel_would_begin_after_a_failed_one_is_not_begun(log: Log) -> None:
    flush = log.syncing.begin(log, FILES_MAX)
    assert flush is not None
    guard = log.syncing.guard = Guard(lambda: log.syncing.end(flush, synced=False))

    assert log.syncing.begin(log, FILES_MAX) is None
    assert not guard.is_held


def test_a_segment_begun_meanwhile_is_not_left_to_syncs_of_files(log: Log) -> None:
    """Its name is not safe before the directory is synced as well."""

    def meanwhile() -> None:
        log.roll(NOW_MS)
        append(log, batch(b"third"))

    guard = log.syncing.guard = Guard(meanwhile)

    flush = log.syncing.begin(log, FILES_MAX)

    assert (flush, guard.is_held) == (None, False)
    assert (log.flush(), log.flushed_offset) == (3, 3)
