"""A log: offsets, what is stored of a batch, reading, rolling and retention."""

from dataclasses import replace

import pytest

from broker.errors import ErrorCode, KafkaError
from broker.records.batch import assemble, crc_ok, fields_of, iterate, read_header
from broker.records.compression import Codec
from broker.records.record import decode_records
from broker.storage.appender import append_as_follower, append_many
from broker.storage.log import AppendRequest, LogConfig
from tests.support.batches import (
    NOW_MS,
    PRODUCER,
    append,
    batch,
    code_of,
    keyed_batch,
    open_log,
    read_records,
    read_values,
)
from tests.support.memory_files import MemoryFiles


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

    results = append_many(
        log, [AppendRequest(records, 0, NOW_MS) for records in (good, memoryview(bad), good)]
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

    end_offset = append_as_follower(follower, records, NOW_MS)

    assert end_offset == 2
    assert read_records(follower) == read_records(leader)
    assert follower.producer_state.entries == leader.producer_state.entries
    assert follower.leader_epochs.entries == ((2, 0),)


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


def test_with_nothing_to_keep_the_newest_segment_goes_as_well() -> None:
    log = open_log(MemoryFiles(), LogConfig(segment_bytes=200, retention_bytes=0))
    for _ in range(5):
        append(log, batch(b"x"))

    log.delete_old_segments(NOW_MS, log.end_offset)
    again = log.delete_old_segments(NOW_MS, log.end_offset)

    assert (log.start_offset, log.end_offset, log.size_bytes) == (5, 5, 0)
    assert again == 0  # an empty segment is not made anew for ever


def test_a_segment_goes_when_the_high_watermark_has_reached_its_end() -> None:
    log = open_log(MemoryFiles(), LogConfig(segment_bytes=200, retention_bytes=0))
    for _ in range(12):
        append(log, batch(b"x" * 50))
    third = log.segments[2].base_offset

    before = log.delete_old_segments(NOW_MS, third - 1)
    then = log.delete_old_segments(NOW_MS, third)

    assert (before, then, log.start_offset) == (1, 1, third)


def test_segments_whose_records_were_all_deleted_go_and_the_newest_one_stays() -> None:
    log = open_log(MemoryFiles(), LogConfig(segment_bytes=200))
    for _ in range(12):
        append(log, batch(b"x" * 50))
    third = log.segments[2].base_offset

    log.delete_records_before(third)
    below_start = log.delete_old_segments(NOW_MS, log.end_offset)
    finished = len(log.segments) - 1
    log.delete_records_before(log.end_offset)
    all_deleted = log.delete_old_segments(NOW_MS, log.end_offset)

    assert (below_start, all_deleted) == (2, finished)
    assert len(log.segments) == 1


@pytest.mark.parametrize(("spare_bytes", "gone"), [(0, 1), (1, 0)])
def test_retention_by_size_takes_a_segment_when_enough_is_left_without_it(
    spare_bytes: int, gone: int
) -> None:
    log = open_log(MemoryFiles(), LogConfig(segment_bytes=200))
    for _ in range(6):
        append(log, batch(b"x" * 50))
    left_bytes = log.size_bytes - log.segments[0].size
    log.update_config(LogConfig(segment_bytes=200, retention_bytes=left_bytes + spare_bytes))

    assert log.delete_old_segments(NOW_MS, log.end_offset) == gone


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


def test_the_broker_compresses_as_hard_as_the_topic_says() -> None:
    values = b"".join(b"%d %d;" % (number * number % 9973, number) for number in range(2000))
    sizes = []
    for level in (1, 9):
        config = LogConfig(compression_type="gzip", compression_gzip_level=level)
        log = open_log(MemoryFiles(), config)
        append(log, batch(values))
        sizes.append(log.size_bytes)

    assert sizes[1] < sizes[0]


def test_logs_of_a_topic_roll_at_times_of_their_own() -> None:
    config = LogConfig(segment_ms=1000, segment_jitter_ms=400)

    rolled_after = {config.jittered(f"pages-{index}").segment_ms for index in range(50)}

    assert len(rolled_after) > 20
    assert all(600 < roll_ms <= 1000 for roll_ms in rolled_after)


def test_a_compacted_log_rolls_when_its_records_must_be_compacted() -> None:
    config = LogConfig(segment_ms=5000, max_compaction_lag_ms=1000)
    both = {
        policy: open_log(MemoryFiles(), replace(config, cleanup_policy=frozenset({policy})))
        for policy in ("compact", "delete")
    }

    for log in both.values():
        for age_ms in (0, 900, 1100):
            now_ms = NOW_MS + age_ms
            append(log, keyed_batch((b"k", b"v"), timestamp_ms=now_ms), now_ms=now_ms)

    assert [segment.base_offset for segment in both["compact"].segments] == [0, 2]
    assert len(both["delete"].segments) == 1


def test_a_batch_that_is_too_large_in_the_topics_codec_is_refused() -> None:
    config = LogConfig(compression_type="uncompressed", max_message_bytes=500)
    log = open_log(MemoryFiles(), config)

    packed = batch(b"x" * 5000, codec=Codec.GZIP)

    assert code_of(log, packed) is ErrorCode.MESSAGE_TOO_LARGE
    assert log.end_offset == 0


def test_what_does_not_unpack_for_the_topics_codec_is_not_to_be_sent_again() -> None:
    log = open_log(MemoryFiles(), LogConfig(compression_type="zstd"))
    sound = batch(b"a", codec=Codec.GZIP)
    fields = fields_of(read_header(sound))

    assert code_of(log, memoryview(assemble(fields, b"no gzip"))) == ErrorCode.INVALID_RECORD
    assert log.end_offset == 0
