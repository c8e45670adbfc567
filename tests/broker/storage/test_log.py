"""A log: offsets, sequences, transactions, rolling, reading, and disks that say no."""

import pytest

from broker.errors import ErrorCode, KafkaError, StorageError
from broker.records.batch import crc_ok, iterate, read_header
from broker.records.compression import Codec
from broker.records.control import ControlType
from broker.records.record import decode_records
from broker.storage.log import AppendRequest, Log, LogConfig, Origin
from tests.support.batches import (
    NOW_MS,
    append,
    append_marker,
    batch,
    keyed_batch,
    read_records,
    read_values,
)
from tests.support.memory_files import MemoryFiles

DIRECTORY = "/logs/events-0"
PRODUCER = (7, 0)


def open_log(
    files: MemoryFiles, config: LogConfig | None = None, *, clean: bool = False, start: int = 0
) -> Log:
    return Log.open(
        files,
        DIRECTORY,
        ("events", 0),
        config or LogConfig(),
        clean_shutdown=clean,
        log_start_offset=start,
        now_ms=NOW_MS,
    )


def code_of(log: Log, records: memoryview) -> ErrorCode:
    with pytest.raises(KafkaError) as refusal:
        append(log, records)
    return refusal.value.code


# offsets ----------------------------------------------------------------------------------


def test_records_are_numbered_without_gaps() -> None:
    log = open_log(MemoryFiles())

    infos = [append(log, batch(b"a", b"b")), append(log, batch(b"c"))]

    assert [(info.first_offset, info.last_offset) for info in infos] == [(0, 1), (2, 2)]
    assert log.end_offset == 3
    assert [record.offset for record in read_records(log)] == [0, 1, 2]


def test_a_batch_is_stored_as_it_came_but_for_offset_and_epoch() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"first"))
    records = batch(b"a", b"b", codec=Codec.GZIP)

    append(log, records, epoch=4)

    stored = log.read(1, 1 << 20, end_offset=log.end_offset).read()
    header = read_header(stored)
    assert (header.base_offset, header.partition_leader_epoch) == (1, 4)
    assert stored[16:] == records[16:]
    assert log.leader_epochs.entries == ((0, 0), (4, 1))


def test_a_group_of_batches_is_one_write_and_each_has_its_own_answer() -> None:
    files = MemoryFiles()
    log = open_log(files)
    append(log, batch(b"first"))
    writes = files.writes
    good, bad = batch(b"a"), bytearray(batch(b"b"))
    bad[-1] ^= 1

    results = log.append_many(
        [AppendRequest(records, 0, NOW_MS) for records in (good, memoryview(bad), good)]
    )

    assert files.writes == writes + 1
    assert isinstance(results[1], KafkaError)
    assert results[1].code == ErrorCode.CORRUPT_MESSAGE
    assert [r.first_offset for r in results if not isinstance(r, KafkaError)] == [1, 2]
    assert read_values(log) == [b"first", b"a", b"a"]


def test_log_append_time_stamps_the_batch_and_its_records() -> None:
    log = open_log(MemoryFiles(), LogConfig(message_timestamp_type="LogAppendTime"))

    info = append(log, batch(b"a", timestamp_ms=5), now_ms=NOW_MS + 9)

    assert info.log_append_time_ms == NOW_MS + 9
    assert [record.timestamp_ms for record in read_records(log)] == [NOW_MS + 9]
    stored = log.read(0, 1 << 20, end_offset=1).read()
    assert crc_ok(stored, 0, read_header(stored))


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("wanted", ["uncompressed", "gzip", "snappy", "lz4", "zstd"])
@pytest.mark.parametrize("timestamp_type", ["CreateTime", "LogAppendTime"])
def test_a_topics_compression_type_packs_batches_anew(
    codec: Codec, wanted: str, timestamp_type: str
) -> None:
    config = LogConfig(compression_type=wanted, message_timestamp_type=timestamp_type)
    log = open_log(MemoryFiles(), config)

    append(log, batch(b"a" * 100, b"b", codec=codec))

    stored = log.read(0, 1 << 20, end_offset=2).read()
    header = read_header(stored)
    assert Codec(header.codec).name.lower() in (wanted, "none")
    assert crc_ok(stored, 0, header)
    assert [record.value for record in decode_records(header, stored)] == [b"a" * 100, b"b"]


def test_a_compacted_topic_refuses_records_without_a_key() -> None:
    log = open_log(MemoryFiles(), LogConfig(cleanup_policy=frozenset({"compact"})))

    assert code_of(log, batch(b"keyless")) == ErrorCode.INVALID_RECORD
    assert append(log, keyed_batch((b"k", b"v"))).first_offset == 0


def test_a_follower_takes_batches_with_their_offsets() -> None:
    leader, follower = open_log(MemoryFiles()), open_log(MemoryFiles())
    for value in (b"a", b"b"):
        append(leader, batch(value, producer=PRODUCER, sequence=0 if value == b"a" else 1), epoch=2)
    records = memoryview(leader.read(0, 1 << 20, end_offset=2).read())

    end_offset = follower.append_as_follower(records, now_ms=NOW_MS)

    assert end_offset == 2
    assert read_records(follower) == read_records(leader)
    assert follower.producer_state.entries == leader.producer_state.entries
    assert follower.leader_epochs.entries == ((2, 0),)


# sequences --------------------------------------------------------------------------------


def test_a_retry_of_any_of_the_last_five_batches_is_answered_not_appended() -> None:
    log = open_log(MemoryFiles())
    batches = [batch(b"x", b"y", producer=PRODUCER, sequence=2 * number) for number in range(6)]
    for records in batches:
        append(log, records)

    retries = [append(log, records) for records in batches[1:]]

    assert all(retry.duplicate for retry in retries)
    assert [retry.first_offset for retry in retries] == [2, 4, 6, 8, 10]
    assert log.end_offset == 12
    assert code_of(log, batches[0]) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_a_retry_in_the_same_group_is_recognised() -> None:
    log = open_log(MemoryFiles())
    records = batch(b"x", producer=PRODUCER, sequence=0)

    first, second = log.append_many([AppendRequest(records, 0, NOW_MS)] * 2)

    assert not isinstance(first, KafkaError)
    assert not isinstance(second, KafkaError)
    assert (first.duplicate, second.duplicate) == (False, True)
    assert read_values(log) == [b"x"]


def test_gaps_old_epochs_and_new_epochs_that_do_not_begin_at_zero_are_refused() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"a", producer=(7, 1), sequence=0))

    gap = code_of(log, batch(b"b", producer=(7, 1), sequence=2))
    old_epoch = code_of(log, batch(b"b", producer=(7, 0), sequence=1))
    new_epoch = code_of(log, batch(b"b", producer=(7, 2), sequence=1))

    assert gap == new_epoch == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert old_epoch == ErrorCode.INVALID_PRODUCER_EPOCH
    assert append(log, batch(b"b", producer=(7, 2), sequence=0)).first_offset == 1


def test_sequences_go_on_from_the_largest_to_zero() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"a", b"b", producer=PRODUCER, sequence=(1 << 31) - 2))

    assert append(log, batch(b"c", producer=PRODUCER, sequence=0)).first_offset == 2


def test_an_unknown_producer_may_begin_anywhere() -> None:
    log = open_log(MemoryFiles())

    assert append(log, batch(b"a", producer=PRODUCER, sequence=55)).first_offset == 0


def test_idle_producers_are_forgotten_but_not_those_with_an_open_transaction() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"a", producer=(1, 0), sequence=0))
    append(log, batch(b"b", producer=(2, 0), sequence=0, transactional=True))

    removed = log.producer_state.remove_expired(NOW_MS + 1000, 1000)

    assert removed == 1
    assert set(log.producer_state.entries) == {2}


@pytest.mark.parametrize("clean", [True, False])
def test_retries_are_recognised_after_a_restart(clean: bool) -> None:
    """Also those before a producer's last batch, which Kafka's snapshot does not have."""
    files = MemoryFiles()
    config = LogConfig(segment_bytes=300)
    log = open_log(files, config)
    batches = [batch(b"x", b"y", producer=PRODUCER, sequence=2 * number) for number in range(9)]
    for records in batches:
        append(log, records)
    if clean:
        log.close()

    reopened = open_log(files, config, clean=clean)

    assert len(reopened.segments) > 2
    assert [append(reopened, records).first_offset for records in batches[4:]] == [
        8,
        10,
        12,
        14,
        16,
    ]
    assert reopened.end_offset == 18


# transactions -----------------------------------------------------------------------------


def test_the_last_stable_offset_stays_below_open_transactions() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"plain"))
    append(log, batch(b"a", producer=(1, 0), sequence=0, transactional=True))
    append(log, batch(b"b", producer=(2, 0), sequence=0, transactional=True))

    both_open = log.last_stable_offset(log.end_offset)
    append_marker(log, (1, 0), ControlType.COMMIT)
    second_open = log.last_stable_offset(log.end_offset)
    append_marker(log, (2, 0), ControlType.ABORT)
    none_open = log.last_stable_offset(log.end_offset)

    assert (both_open, second_open, none_open) == (1, 2, 5)


def test_a_marker_above_the_high_watermark_keeps_its_transaction_unstable() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"a", producer=(1, 0), sequence=0, transactional=True))
    marker = append_marker(log, (1, 0), ControlType.COMMIT)

    assert log.last_stable_offset(marker.first_offset) == 0
    assert log.last_stable_offset(marker.first_offset + 1) == 2


def test_aborted_transactions_are_listed_for_the_range_that_was_read() -> None:
    log = open_log(MemoryFiles(), LogConfig(segment_bytes=200))
    for number in range(4):
        append(log, batch(b"t", producer=(1, 0), sequence=number, transactional=True))
        append_marker(log, (1, 0), ControlType(number % 2))
        append(log, batch(b"plain"))

    def aborted(fetch_offset: int, upper: int) -> list[tuple[int, int]]:
        found = log.aborted_transactions(fetch_offset, upper)
        return [(entry.first_offset, entry.last_offset) for entry in found]

    assert len(log.segments) > 3
    assert aborted(0, log.end_offset) == [(0, 1), (6, 7)]
    assert aborted(0, 6) == [(0, 1)]
    assert aborted(2, log.end_offset) == [(6, 7)]
    assert aborted(2, 6) == []


def test_a_marker_of_an_old_coordinator_or_an_old_epoch_is_refused() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"a", producer=(1, 3), sequence=0, transactional=True))
    append_marker(log, (1, 3), ControlType.COMMIT, coordinator_epoch=5)

    with pytest.raises(KafkaError) as old_coordinator:
        append_marker(log, (1, 3), ControlType.COMMIT, coordinator_epoch=4)
    with pytest.raises(KafkaError) as old_epoch:
        append_marker(log, (1, 2), ControlType.COMMIT, coordinator_epoch=6)

    assert old_coordinator.value.code == ErrorCode.TRANSACTION_COORDINATOR_FENCED
    assert old_epoch.value.code == ErrorCode.INVALID_PRODUCER_EPOCH
    assert log.end_offset == 2


def test_a_producer_with_an_open_transaction_may_not_write_outside_of_it() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"a", producer=PRODUCER, sequence=0, transactional=True))

    assert code_of(log, batch(b"b", producer=PRODUCER, sequence=1)) == ErrorCode.INVALID_TXN_STATE


def test_a_coordinators_batch_needs_no_sequence() -> None:
    log = open_log(MemoryFiles())

    info = log.append_as_leader(
        batch(b"offsets", producer=PRODUCER, transactional=True),
        leader_epoch=0,
        now_ms=NOW_MS,
        origin=Origin.COORDINATOR,
    )

    assert info.first_offset == 0
    assert log.last_stable_offset(1) == 0


# reading ----------------------------------------------------------------------------------


def test_reading_is_bounded_by_bytes_at_whole_batches() -> None:
    log = open_log(MemoryFiles())
    sizes = [append(log, batch(b"x" * 100)).size_bytes for _ in range(5)]
    one = sizes[0]

    def count(max_bytes: int, *, minimum_one: bool = False) -> int:
        part = log.read(0, max_bytes, end_offset=5, minimum_one=minimum_one)
        return len(list(iterate(part.read())))

    assert count(one * 3) == 3
    assert count(one * 3 + one // 2) == 3
    assert count(one - 1) == 0
    assert count(one - 1, minimum_one=True) == 1
    assert count(0, minimum_one=True) == 1
    assert count(1 << 20) == 5


def test_nothing_is_read_at_or_above_the_bound() -> None:
    log = open_log(MemoryFiles())
    for value in (b"a", b"b", b"c"):
        append(log, batch(value))

    assert len(log.read(2, 1 << 20, end_offset=2)) == 0
    assert len(log.read(3, 1 << 20, end_offset=3, minimum_one=True)) == 0
    assert [h.base_offset for _, h in iterate(log.read(0, 1 << 20, end_offset=2).read())] == [0, 1]


def test_a_slice_says_where_the_next_batch_begins() -> None:
    log = open_log(MemoryFiles())
    sizes = [append(log, batch(b"x", b"y")).size_bytes for _ in range(3)]

    assert log.read(0, sizes[0], end_offset=6).end_offset() == 2
    assert log.read(0, 1 << 20, end_offset=6).end_offset() == 6
    assert log.read(6, 1 << 20, end_offset=6).end_offset() == 6


@pytest.mark.parametrize("offset", [0, 3, 5])
def test_offsets_outside_the_log_are_refused(offset: int) -> None:
    log = open_log(MemoryFiles(), start=4)
    refused = offset < 4 or offset > log.end_offset

    if refused:
        with pytest.raises(KafkaError) as refusal:
            log.read(offset, 100, end_offset=log.end_offset)
        assert refusal.value.code == ErrorCode.OFFSET_OUT_OF_RANGE


def test_times_find_the_first_record_that_is_not_older() -> None:
    log = open_log(MemoryFiles(), LogConfig(segment_bytes=250, index_interval_bytes=1))
    for number in range(12):
        append(log, batch(b"x", timestamp_ms=NOW_MS + 10 * number), epoch=number // 6)

    found = log.offset_for_timestamp(NOW_MS + 75)
    latest = log.max_timestamp_offset()

    assert found == (NOW_MS + 80, 8, 1)
    assert latest == (NOW_MS + 110, 11, 1)
    assert log.offset_for_timestamp(NOW_MS + 111) is None
    assert log.offset_for_timestamp(0) == (NOW_MS, 0, 0)


def test_deleted_records_do_not_count_as_the_youngest() -> None:
    log = open_log(MemoryFiles())
    for timestamp in (50, 90, 70, 60):
        append(log, batch(b"x", timestamp_ms=timestamp))

    before = log.max_timestamp_offset()
    log.delete_records_before(2)
    after = log.max_timestamp_offset()

    assert before == (90, 1, 0)
    assert after == (70, 2, 0)


def test_an_empty_log_has_no_times() -> None:
    log = open_log(MemoryFiles())

    assert log.max_timestamp_offset() is None
    assert log.offset_for_timestamp(0) is None


# rolling and retention --------------------------------------------------------------------


def test_a_segment_is_rolled_by_size_and_by_age_of_its_records() -> None:
    log = open_log(MemoryFiles(), LogConfig(segment_ms=1000))
    append(log, batch(b"a", timestamp_ms=NOW_MS))
    append(log, batch(b"b", timestamp_ms=NOW_MS + 999))
    young = len(log.segments)

    append(log, batch(b"c", timestamp_ms=NOW_MS + 1000))

    assert young == 1
    assert [segment.base_offset for segment in log.segments] == [0, 2]


def test_retention_by_age_takes_whole_segments_even_the_newest() -> None:
    files = MemoryFiles()
    log = open_log(files, LogConfig(segment_bytes=200, retention_ms=1000))
    for number in range(6):
        append(log, batch(b"x" * 50, timestamp_ms=NOW_MS + 100 * number))
    end_offset = log.end_offset

    some = log.delete_old_segments(NOW_MS + 1250, end_offset)
    start_after_some = log.start_offset
    log.delete_old_segments(NOW_MS + 10_000, end_offset)

    assert some > 0
    assert 0 < start_after_some < end_offset
    assert (log.start_offset, log.end_offset) == (end_offset, end_offset)
    assert append(log, batch(b"next")).first_offset == end_offset
    log.remove_retired(NOW_MS + 100_000)
    assert not [path for path in files.paths() if path.endswith(".deleted")]


def test_retention_by_size_keeps_at_least_so_much_and_nothing_above_the_watermark() -> None:
    log = open_log(MemoryFiles(), LogConfig(segment_bytes=200, retention_bytes=500))
    for _ in range(10):
        append(log, batch(b"x" * 50))

    above_watermark = log.delete_old_segments(NOW_MS, 0)
    log.delete_old_segments(NOW_MS, log.end_offset)

    assert above_watermark == 0
    assert 500 <= log.size_bytes < 500 + 200
    assert log.start_offset > 0


def test_deleted_records_are_gone_after_a_restart_too() -> None:
    files = MemoryFiles()
    log = open_log(files, LogConfig(segment_bytes=200))
    for number in range(6):
        append(log, batch(b"%d" % number * 50))

    start = log.delete_records_before(3)
    log.delete_old_segments(NOW_MS, log.end_offset)
    log.close()
    reopened = open_log(files, LogConfig(segment_bytes=200), clean=True, start=start)

    assert start == reopened.start_offset == 3
    assert read_records(reopened)[0].offset == 3
    with pytest.raises(KafkaError):
        log.delete_records_before(7)


def test_a_log_cut_back_forgets_what_came_after() -> None:
    files = MemoryFiles()
    log = open_log(files, LogConfig(segment_bytes=200))
    for number in range(8):
        append(log, batch(b"%d" % number * 50, producer=PRODUCER, sequence=number), epoch=number)

    log.truncate_to(3, NOW_MS)

    assert (log.end_offset, log.leader_epochs.latest) == (3, 2)
    assert log.producer_state.entries[7].last_sequence == 2
    assert append(log, batch(b"new", producer=PRODUCER, sequence=3)).first_offset == 3
    assert read_values(log)[-1] == b"new"


# disks that say no ------------------------------------------------------------------------


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

    refused = log.append_many(requests)
    files.bytes_left = 1 << 20
    accepted = log.append_many(requests)

    assert all(isinstance(result, KafkaError) for result in refused)
    assert [r.first_offset for r in accepted if not isinstance(r, KafkaError)] == [1, 2]


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


def test_a_sync_that_failed_is_never_tried_again() -> None:
    files = MemoryFiles()
    log = open_log(files)
    log.flush()
    append(log, batch(b"a"))
    files.fail_sync = files.syncs + 1

    for _ in range(2):
        with pytest.raises(StorageError):
            log.flush()

    assert log.flushed_offset == 0


def test_a_failing_write_is_damage() -> None:
    files = MemoryFiles()
    log = open_log(files)
    files.fail_write = files.writes + 2  # the first one is the leader epoch

    with pytest.raises(StorageError):
        append(log, batch(b"a"))
