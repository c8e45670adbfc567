"""Disks that are full or broken: nothing is half done, nothing is tried twice."""

import pytest

from broker.errors import ErrorCode, KafkaError, StorageError
from broker.records.control import ControlType
from broker.storage.appender import append_many
from broker.storage.log import AppendRequest, Log, LogConfig
from tests.support.batches import (
    DIRECTORY,
    NOW_MS,
    PRODUCER,
    append,
    append_marker,
    batch,
    code_of,
    open_log,
    read_values,
)
from tests.support.memory_files import MemoryFiles


def test_a_full_disk_refuses_and_changes_nothing() -> None:
    files = MemoryFiles()
    log = open_log(files)
    append(log, batch(b"a", producer=PRODUCER, sequence=0))
    files.bytes_left = 50
    records = batch(b"b", producer=PRODUCER, sequence=1)

    code = code_of(log, records)
    still_readable = read_values(log)
    files.bytes_left = 1 << 20
    again = append(log, records)

    assert code == ErrorCode.KAFKA_STORAGE_ERROR
    assert still_readable == [b"a"]
    assert (again.first_offset, again.duplicate) == (1, False)


def test_a_disk_that_fills_up_while_rolling_refuses_and_recovers() -> None:
    files = MemoryFiles()
    config = LogConfig(segment_bytes=200)
    log = open_log(files, config)
    for number in range(3):
        append(log, batch(b"x" * 60, producer=PRODUCER, sequence=number))
    accepted = 3
    files.bytes_left = 0
    for _ in range(400):
        files.bytes_left += 7  # room for a little more of the roll each time
        try:
            append(log, batch(b"x" * 60, producer=PRODUCER, sequence=accepted))
        except KafkaError as refusal:
            assert refusal.code == ErrorCode.KAFKA_STORAGE_ERROR
        else:
            accepted += 1

    files.bytes_left = 1 << 20
    log.close()
    reopened = open_log(files, config, clean=True)

    assert accepted > 4
    assert log.end_offset == reopened.end_offset == accepted
    assert read_values(reopened) == [b"x" * 60] * accepted


def test_a_group_that_does_not_fit_is_refused_as_a_whole() -> None:
    files = MemoryFiles()
    log = open_log(files)
    append(log, batch(b"first"))
    files.bytes_left = 100
    requests = [
        AppendRequest(batch(b"x" * 40, producer=PRODUCER, sequence=n), 0, NOW_MS) for n in range(2)
    ]

    refused = append_many(log, requests)
    files.bytes_left = 1 << 20
    accepted = append_many(log, requests)

    assert all(isinstance(result, KafkaError) for result in refused)
    assert [r.first_offset for r in accepted if not isinstance(r, KafkaError)] == [1, 2]


def test_a_retry_of_what_is_stored_is_answered_also_beside_what_does_not_fit() -> None:
    """Told that it was not stored, librdkafka begins a new epoch and stores it a second time."""
    files = MemoryFiles()
    log = open_log(files)
    stored = batch(b"a", producer=PRODUCER, sequence=0)
    append(log, stored)
    new = batch(b"b", producer=PRODUCER, sequence=1)
    files.bytes_left = 50

    retry, refused, retry_of_refused = append_many(
        log, [AppendRequest(records, 0, NOW_MS) for records in (stored, new, new)]
    )

    assert not isinstance(retry, KafkaError)
    assert (retry.first_offset, retry.duplicate) == (0, True)
    for answer in (refused, retry_of_refused):
        assert isinstance(answer, KafkaError)
        assert answer.code == ErrorCode.KAFKA_STORAGE_ERROR


def test_an_aborted_transaction_that_does_not_fit_leaves_no_trace() -> None:
    files = MemoryFiles()
    log = open_log(files)
    append(log, batch(b"a", producer=PRODUCER, sequence=0, transactional=True))
    files.bytes_left = 40  # the index entry fits, the marker does not

    with pytest.raises(KafkaError):
        append_marker(log, PRODUCER, ControlType.ABORT)

    assert log.aborted_transactions(0, 10) == []
    assert log.last_stable_offset(log.end_offset) == 0
    files.bytes_left = 1 << 20
    append_marker(log, PRODUCER, ControlType.ABORT)
    assert len(log.aborted_transactions(0, 10)) == 1


def test_what_was_aborted_before_stays_so_after_a_full_disk_and_a_crash() -> None:
    """Taking back one entry of the index once emptied its file, with no room to fill it again."""
    files = MemoryFiles()
    log = open_log(files, LogConfig(index_interval_bytes=0))
    for sequence in (0, 1):
        append(log, batch(b"a", producer=PRODUCER, sequence=sequence, transactional=True))
        if sequence == 1:
            files.bytes_left = 40  # enough for the entry, not for the marker
        try:
            append_marker(log, PRODUCER, ControlType.ABORT)
        except KafkaError as refusal:
            assert refusal.code == ErrorCode.KAFKA_STORAGE_ERROR
    files.bytes_left = 1 << 20
    log.take_snapshot()
    recovery_point = log.checkpoint()

    after_kill = Log.open(
        files,
        DIRECTORY,
        ("events", 0),
        LogConfig(index_interval_bytes=0),
        recovery_point=recovery_point,
        now_ms=NOW_MS,
    )

    assert [one.first_offset for one in after_kill.aborted_transactions(0, 10)] == [0]


@pytest.mark.parametrize("which", [1, 2, 3])
def test_a_sync_that_failed_is_never_tried_again(which: int) -> None:
    """Be it of the .log, of the names in the directory, or of the directory's own name."""
    files = MemoryFiles()
    log = open_log(files)
    append(log, batch(b"a"))
    files.fail_sync = files.syncs + which

    for _ in range(2):
        with pytest.raises(StorageError):
            log.flush()

    assert log.flushed_offset == 0


def test_a_failing_write_is_damage() -> None:
    files = MemoryFiles()
    log = open_log(files)
    files.fail_write = files.writes + 1

    with pytest.raises(StorageError):
        append(log, batch(b"a"))
