"""Producers are known again after a start: from a snapshot, or from the batches."""

import pytest

from broker.records.control import ControlType
from broker.storage.log import Log, LogConfig
from tests.support.batches import append, append_marker, batch, open_log
from tests.support.memory_files import MemoryFiles

CONFIG = LogConfig(segment_bytes=4000, index_interval_bytes=300)


def aborted_transaction(files: MemoryFiles) -> Log:
    """A log that ends with one, at offset 10, behind batches that have entries in its index."""
    log = open_log(files, CONFIG)
    for number in range(10):
        append(log, batch(b"value %d" % number))
    append(log, batch(b"aborted", producer=(7, 0), sequence=0, transactional=True))
    append_marker(log, (7, 0), ControlType.ABORT)
    return log


def test_an_aborted_transaction_is_known_though_a_snapshot_is_newer_than_the_recovery_point() -> (
    None
):
    """A crash between the snapshot and the checkpoint: indexes behind that may lack entries."""
    files = MemoryFiles()
    log = aborted_transaction(files)
    log.take_snapshot()
    log.flush()

    found = open_log(files, CONFIG, recovery_point=0)

    assert [one.first_offset for one in found.aborted_transactions(0, 12)] == [10]


def test_killed_again_and_again_an_aborted_transaction_is_listed_once() -> None:
    files = MemoryFiles()
    aborted_transaction(files).close()

    for _ in range(3):
        found = open_log(files, CONFIG)
        found.close()

    assert [one.first_offset for one in found.aborted_transactions(0, 12)] == [10]


def test_an_aborted_transaction_below_the_recovery_point_survives_a_power_cut() -> None:
    files = MemoryFiles()
    log = aborted_transaction(files)
    log.take_snapshot()
    recovery_point = log.checkpoint()

    found = open_log(files.after_crash(), CONFIG, recovery_point=recovery_point)

    assert recovery_point == 12
    assert [one.first_offset for one in found.aborted_transactions(0, 12)] == [10]


@pytest.mark.parametrize("damage", [b"", b"\x00\x07", bytes(40)])
def test_a_damaged_producer_snapshot_is_done_without(damage: bytes) -> None:
    files = MemoryFiles()
    log = open_log(files, CONFIG)
    for number in range(3):
        append(log, batch(b"x", producer=(4, 0), sequence=number))
    log.close()
    snapshot = next(path for path in files.paths() if path.endswith(".snapshot"))
    file = files.open(snapshot)
    file.truncate(0)
    file.append([damage])

    reopened = open_log(files, CONFIG, clean=True)

    assert reopened.producer_state.entries == log.producer_state.entries
