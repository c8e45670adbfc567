"""What the event loop may append itself: never anything that rolls, syncs, packs or unpacks."""

import pytest

from broker.records.control import ControlType, EndTransactionMarker, build_marker
from broker.storage.append import AppendRequest, Origin
from broker.storage.log import LogConfig
from broker.storage.quick import QUICK_BYTES_MAX, is_quick
from tests.support.batches import NOW_MS, append, batch, open_log
from tests.support.memory_files import MemoryFiles

HOUR_MS = 3_600_000


def request(
    records: memoryview, *, origin: Origin = Origin.CLIENT, now_ms: int = NOW_MS
) -> AppendRequest:
    return AppendRequest(records, 0, now_ms, origin)


def test_a_small_batch_for_a_plain_log_is_quick() -> None:
    log = open_log(MemoryFiles())
    append(log, batch(b"first"))

    assert is_quick(log, request(batch(b"x")), 0)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(LogConfig(message_timestamp_type="LogAppendTime"), id="a clock of its own"),
        pytest.param(LogConfig(compression_type="gzip"), id="a codec of its own"),
        pytest.param(LogConfig(cleanup_policy=frozenset({"compact"})), id="keys are looked at"),
    ],
)
def test_what_the_broker_changes_or_looks_into_is_not(config: LogConfig) -> None:
    log = open_log(MemoryFiles(), config)

    assert not is_quick(log, request(batch(b"x")), 0)


def test_records_of_our_own_coordinators_need_no_look() -> None:
    log = open_log(MemoryFiles(), LogConfig(cleanup_policy=frozenset({"compact"})))

    assert is_quick(log, request(batch(b"x"), origin=Origin.COORDINATOR), 0)


def test_the_end_of_a_transaction_is_not_quick() -> None:
    end = EndTransactionMarker(ControlType.ABORT, 0)
    marker = build_marker(end, producer_id=7, producer_epoch=0, now_ms=NOW_MS)
    log = open_log(MemoryFiles())

    assert not is_quick(log, request(memoryview(marker), origin=Origin.COORDINATOR), 0)


@pytest.mark.parametrize("size", [0, 60, QUICK_BYTES_MAX + 1])
def test_what_is_no_small_batch_is_not_quick(size: int) -> None:
    assert not is_quick(open_log(MemoryFiles()), request(memoryview(bytes(size))), 0)


def test_what_would_roll_the_segment_is_not_quick() -> None:
    size = len(batch(b"x"))
    full = open_log(MemoryFiles(), LogConfig(segment_bytes=3 * size))
    old = open_log(MemoryFiles(), LogConfig(segment_ms=HOUR_MS))
    indexed = open_log(MemoryFiles(), LogConfig(segment_index_bytes=8, index_interval_bytes=0))
    for log in (full, old, indexed):
        append(log, batch(b"x"))
        append(log, batch(b"x"))

    later = batch(b"x", timestamp_ms=NOW_MS + HOUR_MS)

    assert is_quick(full, request(batch(b"x")), 0)
    assert not is_quick(full, request(batch(b"x")), size)
    assert is_quick(old, request(batch(b"x")), 0)
    assert not is_quick(old, request(later), 0)
    assert not is_quick(indexed, request(batch(b"x")), 0)
