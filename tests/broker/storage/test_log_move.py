"""A log changes its directory: a power cut at any step leaves one, with all that was flushed."""

import pytest

from broker.errors import StorageError
from broker.storage import log_move
from broker.storage.log import Log, LogConfig
from broker.storage.log_manager import LogManager
from tests.support.batches import NOW_MS, append, batch, read_values
from tests.support.memory_files import MemoryFiles, PowerCut

DIRS = ("/disk1", "/disk2")
EVENTS, OTHER = ("events", 0), ("other", 1)
TOPIC_ID = bytes(range(16))
CONFIG = LogConfig(segment_bytes=400, index_interval_bytes=100)


def started(files: MemoryFiles) -> LogManager:
    manager = LogManager(files, DIRS)
    manager.start(1, "the-cluster", lambda: "an id")
    return manager


def opened(manager: LogManager) -> Log:
    return manager.get_or_create(EVENTS, TOPIC_ID, CONFIG, NOW_MS)


def filled(manager: LogManager, count: int = 20) -> Log:
    log = opened(manager)
    for number in range(count):
        append(log, batch(b"%d" % number, producer=(7, 0), sequence=number))
    return log


def moved(manager: LogManager, files: MemoryFiles, source: Log, path: str) -> Log:
    unique = len(manager.directories).to_bytes(16, "big")
    future = log_move.begin(files, source, path, unique, NOW_MS)
    log_move.copy_some(source, future, NOW_MS)
    log_move.complete(source, future, NOW_MS)
    return manager.install_future(future, TOPIC_ID, NOW_MS)


def remove_superseded(manager: LogManager) -> None:
    for path in DIRS:
        manager.remove_superseded(path, NOW_MS + 60_000)


def test_the_moved_log_has_everything_and_goes_on() -> None:
    files = MemoryFiles()
    manager = started(files)
    source = filled(manager)
    source.delete_records_before(3)

    log = moved(manager, files, source, "/disk2")
    append(log, batch(b"later", producer=(7, 0), sequence=20))

    assert log.directory == "/disk2/events-0"
    assert manager.get(EVENTS) is log
    assert read_values(log) == [b"%d" % number for number in range(3, 20)] + [b"later"]
    assert log.producer_state.entries[7].last_sequence == 20


def test_what_is_compacted_while_a_log_is_copied_counts_as_dirty_in_the_copy() -> None:
    files = MemoryFiles()
    manager = started(files)
    source = filled(manager)
    manager.store_cleaner_offset(EVENTS, 5)
    future = log_move.begin(files, source, "/disk2", bytes(16), NOW_MS)
    manager.store_cleaner_offset(EVENTS, 15)
    log_move.complete(source, future, NOW_MS)

    manager.install_future(future, TOPIC_ID, NOW_MS, cleaned_to=5)

    assert manager.cleaner_offset(EVENTS) == 5


def test_producers_whose_records_are_gone_are_still_known() -> None:
    files = MemoryFiles()
    manager = started(files)
    source = filled(manager)
    source.roll(NOW_MS)
    source.delete_records_before(20)
    source.delete_old_segments(NOW_MS, 20)

    log = moved(manager, files, source, "/disk2")

    assert (log.start_offset, log.end_offset) == (20, 20)
    assert log.producer_state.entries[7].last_sequence == 19


def test_the_old_log_goes_when_nobody_can_be_reading_it() -> None:
    files = MemoryFiles()
    manager = started(files)
    moved(manager, files, filled(manager), "/disk2")

    manager.remove_superseded("/disk1", NOW_MS + 9_999)
    early = files.exists("/disk1/events-0/00000000000000000000.log")
    manager.remove_superseded("/disk1", NOW_MS + 10_000)
    manager.remove_deleted("/disk1")

    assert early
    assert [path for path in files.paths() if path.startswith("/disk1/events-0")] == []
    assert not files.exists("/disk2/events-0/moved-here")


def test_back_and_forth_at_once() -> None:
    files = MemoryFiles()
    manager = started(files)
    log = moved(manager, files, filled(manager), "/disk2")

    log = moved(manager, files, log, "/disk1")
    remove_superseded(manager)
    manager.clean_shutdown()
    again = opened(started(files))

    assert again.directory == "/disk1/events-0"
    assert len(read_values(again)) == 20


def test_an_unfinished_copy_is_made_anew_after_a_start() -> None:
    files = MemoryFiles()
    manager = started(files)
    future = log_move.begin(files, filled(manager), "/disk2", bytes(16), NOW_MS)
    manager.clean_shutdown()

    again = started(files)

    assert again.unfinished_moves == {EVENTS: "/disk2"}
    assert not files.exists(f"{future.directory}/00000000000000000000.log")
    assert opened(again).directory == "/disk1/events-0"


def test_two_logs_of_a_partition_and_no_mark_stop_the_start() -> None:
    files = MemoryFiles()
    for path in DIRS:
        files.make_directory(f"{path}/events-0")

    with pytest.raises(StorageError, match="events-0 lies in /disk1 and /disk2"):
        started(files)


class Script:
    """A partition that is written, moved, written again and moved back."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.flushed = 0

    def run(self, files: MemoryFiles) -> None:
        manager = started(files)
        log = opened(manager)
        for target in ("/disk2", "/disk1"):
            for _ in range(6):
                self.values.append(b"%d" % len(self.values))
                append(log, batch(self.values[-1]))
            log.flush()
            self.flushed = len(self.values)
            log = moved(manager, files, log, target)
        self.values.append(b"last")
        append(log, batch(b"last"))
        log.flush()
        self.flushed = len(self.values)
        remove_superseded(manager)
        manager.clean_shutdown()


def steps_of_the_script() -> int:
    files = MemoryFiles()
    Script().run(files)
    return files.steps


@pytest.mark.parametrize("names_lost", [True, False])
def test_a_power_cut_at_any_step_keeps_all_that_was_flushed(*, names_lost: bool) -> None:
    steps = steps_of_the_script()
    for step in range(1, steps + 1):
        files, script = MemoryFiles(), Script()
        files.crash_after = step
        try:
            script.run(files)
        except PowerCut:
            files = files.after_crash(names_lost=names_lost)

        found = read_values(opened(started(files)))

        assert found == script.values[: len(found)], f"step {step} of {steps}"
        assert len(found) >= script.flushed, f"step {step} of {steps}"


def test_a_move_that_fails_at_the_last_step_says_nothing_of_the_next_topic_of_that_name() -> None:
    files = MemoryFiles()
    manager = started(files)
    source = filled(manager)
    source.delete_records_before(3)
    future = log_move.begin(files, source, "/disk2", bytes(16), NOW_MS)
    log_move.complete(source, future, NOW_MS)
    files.fail_write = files.writes + 4  # the topic's id, the mark, the first two checkpoints

    with pytest.raises(StorageError):
        manager.install_future(future, TOPIC_ID, NOW_MS)
    manager.delete(EVENTS, TOPIC_ID)
    manager.get_or_create(OTHER, TOPIC_ID, CONFIG, NOW_MS)
    anew = manager.get_or_create(EVENTS, bytes(reversed(TOPIC_ID)), CONFIG, NOW_MS)

    assert anew.directory == "/disk2/events-0"
    assert (anew.start_offset, anew.end_offset) == (0, 0)
