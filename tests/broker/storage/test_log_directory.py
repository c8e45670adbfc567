"""One log directory: its checkpoints, the mark of a clean stop, and the logs in it."""

import pytest

from broker.errors import StorageError
from broker.storage.log import LogConfig
from broker.storage.log_directory import (
    CLEAN_SHUTDOWN,
    CLEANER_OFFSETS,
    HIGH_WATERMARKS,
    LOG_START_OFFSETS,
    RECOVERY_POINTS,
    LogDirectory,
)
from broker.storage.meta_properties import MetaProperties
from tests.support.batches import NOW_MS, append, batch, read_values
from tests.support.memory_files import MemoryFiles

PATH = "/disk"
EVENTS = ("events", 0)
TOPIC_ID, OTHER_ID = bytes(range(16)), bytes(range(16, 32))
DAMAGED = ["1\n0\n", "0\n2\nevents 0 3\n", "0\n1\nevents 0\n", "", "0\nx\n", "\xff\0"]


def read(files: MemoryFiles) -> LogDirectory:
    """The directory as a broker finds it that has just begun."""
    files.make_directory(PATH)
    lock = files.lock(f"{PATH}/.lock")
    return LogDirectory.read(files, PATH, lock, MetaProperties("cluster", 1, "directory"))


def with_records(files: MemoryFiles, count: int = 3) -> LogDirectory:
    directory = read(files)
    log = directory.open_log(EVENTS, TOPIC_ID, LogConfig(), NOW_MS)
    for number in range(count):
        append(log, batch(b"%d" % number))
    return directory


def stop(directory: LogDirectory) -> None:
    directory.close(None)
    directory.lock.release()


def replace(files: MemoryFiles, name: str, text: str) -> None:
    if files.exists(f"{PATH}/{name}"):
        files.remove(f"{PATH}/{name}")
    files.open(f"{PATH}/{name}", create=True).append([text.encode("latin-1")])


def test_the_mark_of_a_clean_stop_holds_once() -> None:
    files = MemoryFiles()
    stop(with_records(files))
    marked = files.exists(f"{PATH}/{CLEAN_SHUTDOWN}")

    again = read(files)

    assert marked
    assert again.was_stopped_cleanly
    assert not files.exists(f"{PATH}/{CLEAN_SHUTDOWN}")
    assert not read(files.after_crash()).was_stopped_cleanly


def test_a_log_that_could_not_be_opened_keeps_the_mark_away_until_it_is_deleted() -> None:
    """Else the next start would trust what this one found damaged."""
    files = MemoryFiles()
    with_records(files, 20)
    files = files.after_crash(unsynced_bytes_lost=0, names_lost=False)
    files.corrupt(f"{PATH}/events-0/{0:020d}.log", 70)
    directory = read(files)
    with pytest.raises(StorageError):
        directory.open_log(EVENTS, TOPIC_ID, LogConfig(), NOW_MS)

    directory.close(None)
    kept_away = not files.exists(f"{PATH}/{CLEAN_SHUTDOWN}")
    directory.delete(EVENTS, TOPIC_ID)
    directory.close(None)

    assert kept_away
    assert files.exists(f"{PATH}/{CLEAN_SHUTDOWN}")


def test_checkpoints_are_in_kafkas_format() -> None:
    files = MemoryFiles()
    directory = with_records(files)
    log = directory.logs[EVENTS]
    log.delete_records_before(1)
    log.checkpoint()

    directory.write_checkpoints({EVENTS: 2})
    directory.store_cleaner_offset(EVENTS, 1)

    def content(name: str) -> bytes:
        return files.contents(f"{PATH}/{name}")

    assert content("recovery-point-offset-checkpoint") == b"0\n1\nevents 0 3\n"
    assert content("log-start-offset-checkpoint") == b"0\n1\nevents 0 1\n"
    assert content("replication-offset-checkpoint") == b"0\n1\nevents 0 2\n"
    assert content("cleaner-offset-checkpoint") == b"0\n1\nevents 0 1\n"
    assert content("events-0/leader-epoch-checkpoint") == b"0\n1\n0 1\n"
    assert content("events-0/partition.metadata") == (
        b"version: 0\ntopic_id: AAECAwQFBgcICQoLDA0ODw"
    )


@pytest.mark.parametrize("text", DAMAGED)
def test_damaged_log_starts_are_told_with_the_way_out(text: str) -> None:
    """Without them deleted records could come back, so nobody goes on without being asked."""
    files = MemoryFiles()
    files.make_directory(PATH)
    replace(files, LOG_START_OFFSETS, text)

    with pytest.raises(StorageError, match=f"{PATH}/{LOG_START_OFFSETS} .* delete it to go on"):
        read(files)

    files.remove(f"{PATH}/{LOG_START_OFFSETS}")
    assert read(files.after_crash(unsynced_bytes_lost=0, names_lost=False)).log_start_offsets == {}


@pytest.mark.parametrize("name", [RECOVERY_POINTS, HIGH_WATERMARKS, CLEANER_OFFSETS])
@pytest.mark.parametrize("text", DAMAGED)
def test_other_damaged_checkpoints_are_done_without(name: str, text: str) -> None:
    files = MemoryFiles()
    stop(with_records(files))
    replace(files, name, text)

    log = read(files).open_log(EVENTS, TOPIC_ID, LogConfig(), NOW_MS)

    assert read_values(log) == [b"0", b"1", b"2"]


def test_what_was_noted_of_a_log_is_not_of_another_of_its_name() -> None:
    files = MemoryFiles()
    directory = with_records(files)
    directory.store_cleaner_offset(EVENTS, 2)
    stop(directory)
    again = read(files)
    noted = again.noted()

    log = again.open_log(EVENTS, OTHER_ID, LogConfig(), NOW_MS)

    assert noted == {EVENTS}
    assert (log.start_offset, log.end_offset, log.recovery_point) == (0, 0, 0)
    assert again.cleaner_offsets == {}
    assert files.exists(f"{PATH}/events-0.{TOPIC_ID.hex()}-stray")
