"""Opening: torn ends are cut, damage is told, and only what may be torn is read."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis.strategies import binary, integers

from broker.errors import StorageError
from broker.storage.files import OsFiles
from broker.storage.log import Log, LogConfig
from tests.support import batches
from tests.support.batches import NOW_MS, append, batch, read_values
from tests.support.memory_files import MemoryFiles

DIRECTORY = "/logs/events-0"
CONFIG = LogConfig(segment_bytes=4000, index_interval_bytes=300)
FIRST = f"{DIRECTORY}/00000000000000000000.log"


def open_log(files: MemoryFiles, *, recovery_point: int = 0, clean: bool = False) -> Log:
    return batches.open_log(files, CONFIG, recovery_point=recovery_point, clean=clean)


def filled(count: int) -> tuple[MemoryFiles, Log]:
    files = MemoryFiles()
    log = open_log(files)
    for number in range(count):
        append(log, batch(b"value %d" % number))
    return files, log


@given(size=integers(0, 1500), garbage=binary(max_size=90))
@settings(max_examples=100, deadline=None)
def test_any_torn_end_is_cut_back_to_whole_batches(size: int, garbage: bytes) -> None:
    files, log = filled(15)
    whole = read_values(log)
    file = files.open(FIRST)
    file.truncate(min(size, file.size))
    file.append([garbage])

    values = read_values(open_log(files))

    assert values == whole[: len(values)]
    one_batch = len(files.contents(FIRST)) // max(len(values), 1)
    assert len(values) >= min(size // 90, 15) or one_batch > size


def test_damage_in_the_middle_of_the_unflushed_end_is_told_not_cut() -> None:
    files, log = filled(10)
    sound = list(log.segments[0].headers(0))
    position = sound[4][0]
    files.corrupt(FIRST, position + 70)

    with pytest.raises(StorageError, match=rf"00000\.log is damaged at byte {position}"):
        open_log(files)


def test_the_way_out_of_damage_is_a_copy_that_is_cut_there() -> None:
    files, log = filled(10)
    position = list(log.segments[0].headers(0))[4][0]
    files.corrupt(FIRST, position + 70)

    files.open(FIRST).truncate(position)

    assert read_values(open_log(files)) == [b"value %d" % number for number in range(4)]


def test_damage_below_the_recovery_point_is_found_when_it_is_read_by_time() -> None:
    files, log = filled(10)
    log.close()
    files.corrupt(FIRST, 70)

    reopened = open_log(files, clean=True)

    with pytest.raises(StorageError, match="damaged at byte 0"):
        reopened.offset_for_timestamp(NOW_MS)


def test_what_a_killed_process_left_is_on_the_disk_before_anybody_reads_it() -> None:
    """It was in the page cache only; consumers would read what a power cut takes back."""
    files = MemoryFiles()
    append(open_log(files), batch(b"written"))

    found = open_log(files)
    left = open_log(files.after_crash())

    assert (found.end_offset, found.flushed_offset) == (1, 1)
    assert left.end_offset == 1


def test_recovery_reads_only_beyond_the_recovery_point() -> None:
    files, log = filled(40)
    recovery_point = log.checkpoint()
    append(log, batch(b"unflushed"))
    size = len(files.contents(FIRST))
    files.bytes_read.clear()

    reopened = open_log(files, recovery_point=recovery_point)

    assert reopened.end_offset == 41
    assert sum(files.bytes_read.values()) < size // 2
    assert read_values(reopened)[-1] == b"unflushed"


def test_finished_segments_are_not_read_at_all() -> None:
    files, log = filled(200)
    assert len(log.segments) > 3
    files.bytes_read.clear()

    reopened = open_log(files)

    finished = [segment.path(".log") for segment in reopened.segments[:-1]]
    assert [files.bytes_read.get(path, 0) for path in finished] == [0] * len(finished)


@pytest.mark.parametrize("clean", [True, False])
def test_segments_know_their_times_after_a_start(clean: bool) -> None:
    """What is too old to be kept, and where a search by time begins."""
    files = MemoryFiles()
    log = open_log(files)
    for number in range(200):
        append(log, batch(b"x", timestamp_ms=NOW_MS + number))
    before = [segment.largest_timestamp() for segment in log.segments]
    log.close()

    reopened = open_log(files, clean=clean)

    assert len(before) > 3
    assert [segment.largest_timestamp() for segment in reopened.segments] == before
    assert [reopened.offset_for_timestamp(NOW_MS + number) for number in range(0, 200, 20)] == [
        (NOW_MS + number, number, 0) for number in range(0, 200, 20)
    ]


def test_killed_again_and_again_the_indexes_stay_as_they_were() -> None:
    files, log = filled(200)
    log.close()
    indexes = [path for path in files.paths() if path.endswith("index")]
    before = {path: files.contents(path) for path in indexes}

    for _ in range(3):
        open_log(files, recovery_point=100).close()

    assert {path: files.contents(path) for path in indexes} == before


@pytest.mark.parametrize("suffix", [".index", ".timeindex"])
@pytest.mark.parametrize("clean", [True, False])
def test_missing_or_damaged_indexes_are_built_again(suffix: str, clean: bool) -> None:
    files, log = filled(200)
    whole = read_values(log)
    log.close()
    for number, path in enumerate(p for p in files.paths() if p.endswith(suffix)):
        if number % 2:
            files.remove(path)
        else:
            files.open(path).append([b"odd"])

    reopened = open_log(files, clean=clean)

    assert read_values(reopened, max_bytes=1) == whole
    assert reopened.offset_for_timestamp(NOW_MS) == (NOW_MS, 0, 0)


@pytest.mark.parametrize("position", [0, 23, 62])
def test_a_damaged_finished_segment_without_its_index_is_told(position: int) -> None:
    files, log = filled(200)
    log.close()
    files.remove(FIRST.replace(".log", ".index"))
    files.corrupt(FIRST, position)

    with pytest.raises(StorageError, match="damaged at byte 0"):
        open_log(files, clean=True)


def test_a_log_that_ends_before_its_start_offset_is_begun_anew() -> None:
    files, _ = filled(5)

    log = Log.open(files, DIRECTORY, ("events", 0), CONFIG, log_start_offset=100, now_ms=NOW_MS)

    assert (log.start_offset, log.end_offset) == (100, 100)
    assert append(log, batch(b"x")).first_offset == 100


def test_a_log_holds_one_descriptor_also_after_a_restart(tmp_path: Path) -> None:
    """Ten thousand partitions once took thirty thousand descriptors after a restart."""
    log = Log.open(OsFiles(), f"{tmp_path}/a-0", ("a", 0), LogConfig(), now_ms=NOW_MS)
    for value in range(100):
        append(log, batch(bytes([value]) * 200))
    log.close()
    del log

    again = Log.open(
        OsFiles(), f"{tmp_path}/a-0", ("a", 0), LogConfig(), clean_shutdown=True, now_ms=NOW_MS
    )
    append(again, batch(b"more"))

    assert len(read_values(again)) == 101
    assert open_files_below(tmp_path) == ["00000000000000000000.log"]


def test_a_log_that_nobody_holds_keeps_no_descriptor(tmp_path: Path) -> None:
    """Without waiting for garbage to be collected: deleted partitions would keep their disk."""
    gc.disable()
    try:
        log = Log.open(OsFiles(), f"{tmp_path}/a-0", ("a", 0), LogConfig(), now_ms=NOW_MS)
        append(log, batch(b"x"))
        log.flush()
        held = open_files_below(tmp_path)
        del log
        left = open_files_below(tmp_path)
    finally:
        gc.enable()

    assert held == ["00000000000000000000.log"]
    assert left == []


def open_files_below(directory: Path) -> list[str]:
    """Names of the files that this process holds open there."""
    links = Path("/proc/self/fd").iterdir()
    targets = [Path(os.readlink(link)) for link in links if link.is_symlink()]
    return [target.name for target in targets if directory in target.parents]


def test_a_clean_start_syncs_nothing() -> None:
    """What is on disk is not made safe again: two syncs each once took most of a start."""
    files = MemoryFiles()
    log = open_log(files)
    append(log, batch(b"x"))
    log.close()
    syncs = files.syncs

    open_log(files, clean=True).flush()

    assert files.syncs == syncs


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("way", ["cut", "emptied", "gone"])
def test_a_log_that_lost_what_was_synced_is_told_not_begun_anew(clean: bool, way: str) -> None:
    files, log = filled(200)
    log.close()
    newest = log.segments[-1]
    last = list(newest.headers(0))[-1]
    path = newest.path(".log")
    if way == "gone":
        files.remove(path)
    else:
        files.open(path).truncate(last[0] if way == "cut" else 0)

    with pytest.raises(StorageError, match=r"events-0 ends at offset \d+, and all below 200"):
        open_log(files, recovery_point=200, clean=clean)


def test_the_way_out_of_a_lost_end_is_a_lower_recovery_point() -> None:
    files, log = filled(200)
    log.close()
    files.remove(log.segments[-1].path(".log"))

    with pytest.raises(StorageError, match="change the line 'events 0 200'") as told:
        open_log(files, recovery_point=200)
    end_offset = int(str(told.value).rpartition(" ")[2])

    assert open_log(files, recovery_point=end_offset).end_offset == end_offset > 100


def test_a_finished_segment_that_is_empty_is_told() -> None:
    files, log = filled(200)
    log.close()
    files.open(FIRST).truncate(0)

    with pytest.raises(StorageError, match=r"00000\.log is damaged at byte 0: it is empty"):
        open_log(files, recovery_point=200, clean=True)


def test_an_empty_finished_segment_too_small_for_an_entry_by_offset_is_told() -> None:
    """Its index by time has one entry all the same."""
    files = MemoryFiles()
    config = LogConfig(segment_bytes=200)
    log = Log.open(files, DIRECTORY, ("events", 0), config, now_ms=NOW_MS)
    for number in range(6):
        append(log, batch(b"value %d" % number))
    log.close()
    files.open(FIRST).truncate(0)

    with pytest.raises(StorageError, match=r"00000\.log is damaged at byte 0: it is empty"):
        Log.open(files, DIRECTORY, ("events", 0), config, clean_shutdown=True, now_ms=NOW_MS)


@pytest.mark.parametrize("text", [b"", b"0\n1\nx y\n", b"0\n1\n1 2 3\n", b"\xff\xfe", b"1\n0\n"])
def test_damaged_leader_epochs_are_read_from_the_batches(text: bytes) -> None:
    files, log = filled(200)
    log.close()
    known = log.leader_epochs.entries
    path = f"{DIRECTORY}/leader-epoch-checkpoint"
    files.open(path).truncate(0)
    files.open(path).append([text])

    reopened = open_log(files, recovery_point=200, clean=True)

    assert reopened.leader_epochs.entries == known != ()
    reopened.close()
    assert open_log(files, recovery_point=200, clean=True).leader_epochs.entries == known


def test_a_damaged_end_that_was_synced_is_told_before_it_is_cut() -> None:
    """Whoever looks at it afterwards finds all that there was."""
    files, log = filled(200)
    log.close()
    newest = log.segments[-1]
    path = newest.path(".log")
    last = list(newest.headers(0))[-1]
    damaged = bytearray(files.open(path).read(0, newest.size))
    damaged[-1] ^= 1
    files.open(path).truncate(0)
    files.open(path).append([bytes(damaged)])
    assert last[0] < len(damaged)

    with pytest.raises(StorageError, match="all below 200"):
        open_log(files, recovery_point=200)

    assert files.open(path).size == len(damaged)
