"""What a clean stop left of finished segments is asked for at the next start."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import StorageError
from broker.storage.finished_segments import NOTE, read_mark
from broker.storage.log import Log, LogConfig
from broker.storage.log_directory import CLEAN_SHUTDOWN, LogDirectory
from broker.storage.meta_properties import MetaProperties
from tests.support.batches import NOW_MS, append, batch, read_values
from tests.support.memory_files import MemoryFiles

PATH = "/disk"
EVENTS = ("events", 0)
TOPIC_ID = bytes(range(16))
CONFIG = LogConfig(segment_bytes=200)
MIDDLE = f"{PATH}/events-0/{2:020d}.log"
MISSED = f"{PATH}/events-0/{NOTE}"


def read(files: MemoryFiles) -> LogDirectory:
    """The directory as a broker finds it that has just begun."""
    files.make_directory(PATH)
    lock = files.lock(f"{PATH}/.lock")
    return LogDirectory.read(files, PATH, lock, MetaProperties("cluster", 1, "directory"))


def opened(directory: LogDirectory, topic_id: bytes = TOPIC_ID) -> Log:
    return directory.open_log(EVENTS, topic_id, CONFIG, NOW_MS)


def stop(directory: LogDirectory) -> None:
    directory.close(None)
    directory.lock.release()


@pytest.fixture
def files() -> MemoryFiles:
    """Of a broker that stopped; its log has a segment for every two records."""
    made = MemoryFiles()
    directory = read(made)
    log = opened(directory)
    for number in range(9):
        append(log, batch(b"%d" % number))
    stop(directory)
    return made


def refusal(files: MemoryFiles) -> str:
    """What a start says of the log; the process ends as it would."""
    directory = read(files)
    with pytest.raises(StorageError) as told:
        opened(directory)
    stop(directory)
    return str(told.value)


def test_the_mark_of_a_clean_stop_lists_finished_segments_beside_what_kafka_reads(
    files: MemoryFiles,
) -> None:
    content = files.contents(f"{PATH}/{CLEAN_SHUTDOWN}")

    size = len(files.contents(MIDDLE))
    assert json.loads(content) == {
        "version": 0,
        "brokerEpoch": -1,
        "segments": {"events-0": [[base, size] for base in (0, 2, 4, 6)]},
    }


def test_a_log_as_it_was_left_is_opened(files: MemoryFiles) -> None:
    log = opened(read(files))

    assert read_values(log) == [b"%d" % number for number in range(9)]
    assert not files.exists(MISSED)


@pytest.mark.parametrize("base", [0, 2, 6])
def test_a_segment_that_is_away_is_missed_by_every_start_until_it_is_back(
    files: MemoryFiles, base: int
) -> None:
    path = f"{PATH}/events-0/{base:020d}.log"
    content = files.contents(path)
    files.remove(path)

    first, second = refusal(files), refusal(files)
    files.open(path, create=True).append([content])
    log = opened(read(files))

    assert first == second
    assert f"{base:020d}.log is missing" in first
    assert f"delete {MISSED}" in first
    assert read_values(log) == [b"%d" % number for number in range(9)]
    assert not files.exists(MISSED)


def test_an_older_copy_of_a_segment_is_known_by_its_size(files: MemoryFiles) -> None:
    content = files.contents(MIDDLE)
    file = files.open(MIDDLE)
    file.truncate(0)
    file.append([content[: len(content) // 2]])

    assert f"has {len(content) // 2} bytes and had {len(content)}" in refusal(files)


def test_who_does_without_a_segment_deletes_the_note(files: MemoryFiles) -> None:
    files.remove(MIDDLE)
    refusal(files)

    files.remove(MISSED)
    directory = read(files)
    values = read_values(opened(directory))
    stop(directory)

    assert values == [b"0", b"1", *(b"%d" % number for number in range(4, 9))]
    assert read_values(opened(read(files))) == values


def test_a_note_that_cannot_be_read_is_no_leave_to_go_on(files: MemoryFiles) -> None:
    files.remove(MIDDLE)
    refusal(files)
    files.open(MISSED).truncate(5)

    assert NOTE in refusal(files)


def test_what_retention_deletes_before_the_stop_is_not_missed(files: MemoryFiles) -> None:
    directory = read(files)
    log = opened(directory)
    log.update_config(LogConfig(segment_bytes=200, retention_bytes=0))
    assert log.delete_old_segments(NOW_MS, 9) > 0
    stop(directory)

    assert opened(read(files)).end_offset == 9


def test_a_topic_made_anew_is_not_asked_for_the_segments_of_the_one_before(
    files: MemoryFiles,
) -> None:
    log = opened(read(files), bytes(range(16, 32)))

    assert (log.start_offset, log.end_offset) == (0, 0)


@pytest.mark.parametrize("index", ["sound", "missing", "empty"])
def test_after_kill_9_a_segment_that_is_away_is_told_by_its_offsets(
    files: MemoryFiles, caplog: pytest.LogCaptureFixture, index: str
) -> None:
    """No list says what there was; a log that was never compacted goes on where it ended."""
    files.remove(f"{PATH}/{CLEAN_SHUTDOWN}")
    before = opened(read(files.copy()))
    sound = caplog.text
    files.remove(MIDDLE)
    if index != "sound":
        files.remove(f"{PATH}/events-0/{0:020d}.index")
    if index == "empty":
        files.open(f"{PATH}/events-0/{0:020d}.index", create=True)

    log = opened(read(files))

    assert before.end_offset == log.end_offset == 9
    assert "are missing" not in sound
    assert caplog.text.count("offsets 2 to 3 are missing") == 1


def test_damage_at_the_end_of_a_finished_segment_does_not_keep_a_killed_broker_down(
    files: MemoryFiles,
) -> None:
    files.remove(f"{PATH}/{CLEAN_SHUTDOWN}")
    for position in range(len(files.contents(MIDDLE))):
        files.corrupt(MIDDLE, position)

    assert opened(read(files)).end_offset == 9


def test_gaps_of_a_log_that_was_compacted_are_none(
    files: MemoryFiles, caplog: pytest.LogCaptureFixture
) -> None:
    directory = read(files)
    directory.store_cleaner_offset(EVENTS, 4)
    directory.lock.release()
    files.remove(MIDDLE)

    opened(read(files))

    assert "are missing" not in caplog.text


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_a_mark_that_says_nothing_asks_for_nothing(content: bytes) -> None:
    assert read_mark(content) == {}


@pytest.mark.parametrize(
    "segments", [None, 1, [1], {"a-0": 1}, {"a-0": [1]}, {"a-0": [["x", 1]]}, {"a-0": [[1, None]]}]
)
def test_a_mark_in_another_form_asks_for_nothing(segments: object) -> None:
    assert read_mark(json.dumps({"version": 0, "segments": segments}).encode()) == {}
