"""When offsets were appended: what is kept, how exactly, and over a restart."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from broker.storage.append_times import AGE_SHARE, FILE_NAME, RUN_MS, RUNS_MAX, AppendTimes
from broker.storage.files import OsFiles
from tests.support.batches import DIRECTORY, NOW_MS, append, batch, open_log
from tests.support.memory_files import MemoryFiles


def fresh() -> AppendTimes:
    return AppendTimes(MemoryFiles(), "/data", 0, NOW_MS)


def test_an_offset_came_within_the_tenth_of_a_second_of_its_run() -> None:
    times = fresh()
    for offset, at_ms in ((0, 1_000), (5, 1_050), (9, 1_099), (20, 1_100), (30, 5_000)):
        times.note(offset, at_ms)

    assert times.between(9) == (1_000, 1_000 + RUN_MS)
    assert times.between(25) == (1_100, 1_100 + RUN_MS)
    assert times.between(10**9) == (5_000, 5_000 + RUN_MS)


def test_before_the_first_run_nothing_is_known() -> None:
    times = AppendTimes(MemoryFiles(), "/data", 50, NOW_MS)
    times.note(50, NOW_MS)

    assert times.between(49) is None
    assert fresh().between(0) is None


def test_a_clock_that_is_set_back_begins_a_new_run() -> None:
    times = fresh()
    times.note(0, 10_000)
    times.note(1, 4_000)

    assert times.between(1) == (4_000, 4_000 + RUN_MS)


@given(st.lists(st.integers(1, 90_000), min_size=1, max_size=3_000))
def test_what_is_told_holds_the_truth_and_is_off_by_a_fiftieth_of_its_age(gaps: list[int]) -> None:
    times, now_ms, came = fresh(), 0, []
    for offset, gap in enumerate(gaps):
        now_ms += gap
        times.note(offset, now_ms)
        came.append(now_ms)

    for offset in (0, len(gaps) // 3, len(gaps) - 1):
        found = times.between(offset)
        assert found is not None
        first_ms, last_ms = found
        assert first_ms <= came[offset] <= last_ms
        assert last_ms - first_ms <= max(RUN_MS, (now_ms - last_ms) // AGE_SHARE)


def test_a_week_of_ceaseless_appends_is_a_few_hundred_runs() -> None:
    """One every ten seconds, then 20 minutes of one every tenth of a second."""
    times, at_ms = fresh(), 0
    for offset in range(60_480 + 12_000):
        at_ms += 10_000 if offset < 60_480 else RUN_MS
        times.note(offset, at_ms)

    found = times.between(30_240)
    assert found is not None
    assert found[0] <= 302_410_000 <= found[1]
    assert times.runs < RUNS_MAX


def test_a_clean_restart_keeps_them() -> None:
    files = MemoryFiles()
    log = open_log(files)
    append(log, batch(b"a", b"b"), now_ms=NOW_MS + 7)
    log.close()

    assert open_log(files, clean=True).append_times.between(1) == (NOW_MS + 7, NOW_MS + 7 + RUN_MS)


def test_what_was_appended_after_the_last_checkpoint_came_before_the_start() -> None:
    files = MemoryFiles()
    log = open_log(files)
    append(log, batch(b"a"), now_ms=NOW_MS - 9_000)
    log.checkpoint()
    append(log, batch(b"b"), now_ms=NOW_MS - 3_000)

    times = open_log(files).append_times

    assert times.between(0) == (NOW_MS - 9_000, NOW_MS - 9_000 + RUN_MS)
    assert times.between(1) == (NOW_MS - 9_000 + RUN_MS, NOW_MS)


def test_a_damaged_file_is_as_good_as_none() -> None:
    files = MemoryFiles()
    log = open_log(files)
    append(log, batch(b"a"))
    log.close()
    file = files.open(f"{DIRECTORY}/{FILE_NAME}")
    file.truncate(file.size - 1)

    assert open_log(files, clean=True).append_times.between(0) is None


def test_a_file_that_cannot_be_read_is_like_none(tmp_path: Path) -> None:
    """A bad sector in it must not keep the records from being read."""
    (tmp_path / FILE_NAME).mkdir()

    times = AppendTimes(OsFiles(), str(tmp_path), 5, NOW_MS)

    assert times.between(4) is None
