"""Compaction: the newest record of each key stays, offsets stay, a crash at any step loses none."""

import pytest
from hypothesis import given, settings
from hypothesis.strategies import lists, none, one_of, sampled_from, tuples

from broker.errors import KafkaError
from broker.records.batch import build_batch
from broker.records.control import ControlType
from broker.records.record import Record
from broker.storage import compaction, compaction_swap
from broker.storage.compaction import Bounds
from broker.storage.log import Log, LogConfig
from broker.storage.segment import Segment
from broker.storage.time_index import TIME_ENTRY
from tests.support.batches import NOW_MS, append, append_marker, keyed_batch, read_records
from tests.support.memory_files import MemoryFiles, PowerCut

DIRECTORY = "/logs/table-0"
RETENTION_MS = 1000
CONFIG = LogConfig(
    segment_bytes=400,
    index_interval_bytes=100,
    cleanup_policy=frozenset({"compact"}),
    delete_retention_ms=RETENTION_MS,
    retention_ms=-1,
)

Pair = tuple[bytes, bytes | None]


def open_log(files: MemoryFiles, config: LogConfig = CONFIG) -> Log:
    return Log.open(files, DIRECTORY, ("table", 0), config, now_ms=NOW_MS)


def fill(log: Log, pairs: list[Pair]) -> None:
    for pair in pairs:
        append(log, keyed_batch(pair))
    log.roll(NOW_MS)
    log.flush()


def compact(files: MemoryFiles, log: Log, *, first_dirty: int = 0, now_ms: int = NOW_MS) -> int:
    """One whole pass; where the next one begins."""
    bounds = Bounds(first_dirty, log.end_offset, now_ms)
    cleaned = compaction.clean(files, log, bounds)
    if cleaned is None:
        return first_dirty
    assert compaction.install(files, log, cleaned, now_ms)
    return cleaned.first_dirty_offset


def pairs_of(log: Log) -> list[Pair]:
    return [(record.key or b"", record.value) for record in read_records(log)]


def latest(pairs: list[Pair]) -> list[Pair]:
    """What must be left: the last value of each key, in the order of those."""
    newest = {key: number for number, (key, _) in enumerate(pairs)}
    return [pairs[number] for number in sorted(newest.values())]


keys = sampled_from([b"a", b"b", b"c", b"d", b"e"])
values = one_of(none(), sampled_from([b"1", b"22", b"333" * 20]))


@given(
    first=lists(tuples(keys, values), max_size=30), second=lists(tuples(keys, values), max_size=30)
)
@settings(max_examples=60, deadline=None)
def test_only_the_newest_record_of_each_key_stays(first: list[Pair], second: list[Pair]) -> None:
    files = MemoryFiles()
    log = open_log(files)

    fill(log, first)
    dirty = compact(files, log)
    after_one = pairs_of(log)
    fill(log, second)
    compact(files, log, first_dirty=dirty)

    assert after_one == latest(first)
    assert pairs_of(log) == latest(first + second)


@given(lists(tuples(keys, values), min_size=1, max_size=40))
@settings(max_examples=30, deadline=None)
def test_surviving_records_keep_their_offsets_and_times(pairs: list[Pair]) -> None:
    files = MemoryFiles()
    log = open_log(files)
    fill(log, pairs)
    before = {record.offset: record for record in read_records(log)}
    end_offset = log.end_offset

    compact(files, log)

    after = read_records(log)
    assert all(before[record.offset] == record for record in after)
    assert log.end_offset == end_offset
    for offset in range(log.start_offset, end_offset):
        assert read_records(log, offset) == [r for r in after if r.offset >= offset]


def test_a_tombstone_goes_once_its_delete_horizon_has_passed() -> None:
    files = MemoryFiles()
    log = open_log(files)
    fill(log, [(b"a", b"1"), (b"b", b"1"), (b"a", None), (b"c", b"1")])

    compact(files, log)
    kept = pairs_of(log)
    compact(files, log, now_ms=NOW_MS + RETENTION_MS - 1)
    still_kept = pairs_of(log)
    compact(files, log, now_ms=NOW_MS + RETENTION_MS)

    assert kept == still_kept == [(b"b", b"1"), (b"a", None), (b"c", b"1")]
    assert pairs_of(log) == [(b"b", b"1"), (b"c", b"1")]


def test_the_newest_segment_and_open_transactions_are_left_alone() -> None:
    files = MemoryFiles()
    log = open_log(files)
    fill(log, [(b"a", b"1"), (b"a", b"2")])
    open_offset = log.end_offset
    record = Record(0, NOW_MS, b"a", b"3")
    append(
        log,
        memoryview(
            build_batch(
                [record], producer_id=5, producer_epoch=0, base_sequence=0, transactional=True
            )
        ),
    )
    fill(log, [(b"a", b"4")])

    dirty = compact(files, log)

    assert dirty == open_offset
    assert pairs_of(log) == [(b"a", b"2"), (b"a", b"3"), (b"a", b"4")]


@pytest.mark.parametrize("control_type", list(ControlType))
def test_aborted_records_go_and_committed_ones_replace_older(control_type: ControlType) -> None:
    files = MemoryFiles()
    log = open_log(files)
    append(log, keyed_batch((b"a", b"before")))
    record = Record(0, NOW_MS, b"a", b"within")
    append(
        log,
        memoryview(
            build_batch(
                [record], producer_id=5, producer_epoch=0, base_sequence=0, transactional=True
            )
        ),
    )
    append_marker(log, (5, 0), control_type)
    fill(log, [(b"b", b"after")])

    compact(files, log)

    expected = b"within" if control_type is ControlType.COMMIT else b"before"
    assert pairs_of(log) == [(b"a", expected), (b"b", b"after")]
    reopened = open_log(files.copy())
    assert reopened.producer_state.entries[5].producer_epoch == 0
    assert reopened.last_stable_offset(reopened.end_offset) == reopened.end_offset


def test_a_marker_without_records_goes_after_its_horizon() -> None:
    files = MemoryFiles()
    log = open_log(files)
    for producer_id in (5, 6):
        record = Record(0, NOW_MS, b"a", b"%d" % producer_id)
        batch = build_batch(
            [record], producer_id=producer_id, producer_epoch=0, base_sequence=0, transactional=True
        )
        append(log, memoryview(batch))
        append_marker(log, (producer_id, 0), ControlType.COMMIT)
    log.producer_state.remove_expired(NOW_MS + 2 * CONFIG.producer_id_expiration_ms, 1)
    fill(log, [(b"a", b"last")])

    compact(files, log)
    compact(files, log)
    markers_before = count_markers(log)
    compact(files, log, now_ms=NOW_MS + RETENTION_MS)

    assert markers_before == 2
    assert count_markers(log) == 0
    assert pairs_of(log) == [(b"a", b"last")]


def test_a_marker_stays_as_long_as_records_of_its_transaction() -> None:
    """Without it they would be of an open transaction, and hold up readers for good."""
    files = MemoryFiles()
    log = open_log(files)
    record = Record(0, NOW_MS, b"a", b"within")
    batch = build_batch(
        [record], producer_id=5, producer_epoch=0, base_sequence=0, transactional=True
    )
    append(log, memoryview(batch))
    append_marker(log, (5, 0), ControlType.COMMIT)
    log.producer_state.remove_expired(NOW_MS + 2 * CONFIG.producer_id_expiration_ms, 1)
    fill(log, [(b"b", b"after")])

    for late_ms in (0, RETENTION_MS, 2 * RETENTION_MS):
        compact(files, log, now_ms=NOW_MS + late_ms)

    assert count_markers(log) == 1
    assert pairs_of(log) == [(b"a", b"within"), (b"b", b"after")]


def test_what_a_decided_swap_replaces_is_gone_after_a_crash() -> None:
    files = MemoryFiles()
    log = open_log(files)
    fill(log, [(b"a", b"1"), (b"b", b"1")])
    fill(log, [(b"a", b"2"), (b"c", b"1")])
    cleaned = compaction.clean(files, log, Bounds(0, log.end_offset, NOW_MS))
    assert cleaned is not None
    (made,) = cleaned.segments
    compaction_swap.mark_swap(files, log.directory, made.segment.base_offset)

    found = open_log(files)

    assert len(made.replaces) == 2
    assert [segment.base_offset for segment in found.segments] == [0, 4]
    assert [record.offset for record in read_records(found)] == [1, 2, 3]
    assert pairs_of(found) == [(b"b", b"1"), (b"a", b"2"), (b"c", b"1")]


def count_markers(log: Log) -> int:
    return sum(header.is_control for s in log.segments for _, header in s.headers(0))


def test_the_last_batch_of_a_producer_stays_to_hold_its_sequence() -> None:
    files = MemoryFiles()
    log = open_log(files)
    record = Record(0, NOW_MS, b"a", b"1")
    idempotent = build_batch([record], producer_id=3, producer_epoch=2, base_sequence=0)
    append(log, memoryview(idempotent))
    fill(log, [(b"a", b"2")])

    compact(files, log)
    reopened = open_log(files.after_crash())

    assert pairs_of(reopened) == [(b"a", b"2")]
    assert append(reopened, memoryview(idempotent)).duplicate


def test_small_segments_become_one_and_readers_of_the_old_ones_go_on() -> None:
    files = MemoryFiles()
    log = open_log(files)
    fill(log, [(b"%d" % (number % 3), b"x" * 50) for number in range(40)])
    count = len(log.segments)
    slices = [
        log.read(segment.base_offset, 1 << 20, end_offset=log.end_offset)
        for segment in log.segments[:-1]
    ]
    before = [part.read() for part in slices]

    compact(files, log)
    compact(files, log)  # the second pass finds the segments small
    log.remove_retired(NOW_MS + CONFIG.file_delete_delay_ms)

    assert count > 5
    assert len(log.segments) < count
    assert [part.read() for part in slices] == before
    assert not [path for path in files.paths() if path.endswith((".deleted", ".swap", ".cleaned"))]


def test_a_cleaned_segment_has_the_indexes_of_a_finished_one() -> None:
    files = MemoryFiles()
    log = open_log(files)
    fill(log, [(b"a", b"1"), (b"b", b"2")])

    compact(files, log)

    found, (cleaned, _) = files.after_crash(), log.segments
    assert found.contents(cleaned.path(".timeindex")) == TIME_ENTRY.pack(NOW_MS, 0)
    assert found.exists(cleaned.path(".index"))


@pytest.mark.parametrize("lag_ms", [1, 10_000])
def test_records_younger_than_the_minimum_lag_stay(lag_ms: int) -> None:
    files = MemoryFiles()
    log = open_log(files, LogConfig(segment_bytes=400, min_compaction_lag_ms=lag_ms))
    fill(log, [(b"a", b"1"), (b"a", b"2")])

    early = compaction.cleanable(log, Bounds(0, log.end_offset, NOW_MS + lag_ms - 1))
    late = compaction.cleanable(log, Bounds(0, log.end_offset, NOW_MS + lag_ms))

    assert early == ()
    assert late == log.segments[:-1]


def test_a_pass_is_due_by_share_or_by_age() -> None:
    files = MemoryFiles()
    config = LogConfig(
        segment_bytes=200,
        cleanup_policy=frozenset({"compact"}),
        min_cleanable_dirty_ratio=0.9,
        max_compaction_lag_ms=5000,
    )
    log = open_log(files, config)
    fill(log, [(b"%d" % number, b"x" * 60) for number in range(10)])
    dirty_from = log.segments[5].base_offset

    def due(first_dirty: int, now_ms: int) -> bool:
        return compaction.is_due(log, Bounds(first_dirty, log.end_offset, now_ms))

    assert due(0, NOW_MS)
    assert not due(dirty_from, NOW_MS)
    assert due(dirty_from, NOW_MS + 5001)
    assert not due(log.end_offset, NOW_MS + 5001)


def test_a_share_of_all_is_never_passed_as_in_kafka() -> None:
    compact = frozenset({"compact"})
    log = open_log(
        MemoryFiles(),
        LogConfig(segment_bytes=200, cleanup_policy=compact, min_cleanable_dirty_ratio=1.0),
    )
    fill(log, [(b"%d" % number, b"x" * 60) for number in range(10)])

    assert not compaction.is_due(log, Bounds(0, log.end_offset, NOW_MS))


def test_a_full_disk_leaves_the_log_as_it_was() -> None:
    files = MemoryFiles()
    log = open_log(files)
    fill(log, [(b"%d" % number, b"x" * 60) for number in range(10)])
    before, paths = pairs_of(log), files.paths()
    files.bytes_left = 300

    with pytest.raises(KafkaError):
        compact(files, log)

    assert pairs_of(log) == before
    assert files.paths() == paths


@pytest.mark.crash
@pytest.mark.parametrize("names_lost", [True, False])
def test_a_power_cut_at_any_step_of_a_pass_loses_no_newest_record(names_lost: bool) -> None:
    pairs: list[Pair] = [(b"%d" % (number % 4), b"v%d" % number) for number in range(30)]
    files = MemoryFiles()
    log = open_log(files)
    fill(log, pairs)
    first_step = files.steps

    for step in range(first_step + 1, first_step + 200):
        crashed = MemoryFiles()
        log = open_log(crashed)
        fill(log, pairs)
        crashed.crash_after = step
        try:
            compact(crashed, log)
        except PowerCut:
            survivor = open_log(crashed.after_crash(names_lost=names_lost))
            found = pairs_of(survivor)
            assert latest(found) == latest(pairs)
            assert survivor.end_offset == len(pairs)
            continue
        assert step > first_step + 10
        return
    pytest.fail("the pass did not end")


def test_a_pass_that_retention_overtook_is_dropped() -> None:
    files = MemoryFiles()
    log = open_log(files)
    fill(log, [(b"%d" % (number % 3), b"x" * 50) for number in range(40)])
    cleaned = compaction.clean(files, log, Bounds(0, log.end_offset, NOW_MS))
    assert cleaned is not None
    gone: Segment = log.segments[0]
    log.replace_segments(log.segments[1:])

    installed = compaction.install(files, log, cleaned, NOW_MS)

    assert not installed
    assert gone not in log.segments
    assert not [path for path in files.paths() if path.endswith(".cleaned")]
