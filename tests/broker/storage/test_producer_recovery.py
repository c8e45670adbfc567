"""Producers are known again after a start: from a snapshot, or from the batches."""

import pytest

from broker.records.control import ControlType
from broker.storage.log import Log, LogConfig
from broker.storage.producer_snapshot import SUFFIX
from tests.support.batches import NOW_MS, append, append_marker, batch, open_log
from tests.support.memory_files import MemoryFiles

CONFIG = LogConfig(segment_bytes=4000, index_interval_bytes=300)
EACH_INDEXED = LogConfig(index_interval_bytes=1)  # snapshots count only where an index is trusted


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


@pytest.mark.parametrize("clean", [True, False])
def test_killed_again_and_again_an_aborted_transaction_is_listed_once(clean: bool) -> None:
    """Its index has it from before; without a snapshot its marker is read again."""
    files = MemoryFiles()
    aborted_transaction(files).close()

    for _ in range(3):
        for snapshot in [path for path in files.paths() if path.endswith(SUFFIX)]:
            files.remove(snapshot)
        found = open_log(files, CONFIG, clean=clean, recovery_point=12)
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


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize(("sequence", "epoch"), [(0, 0), (2**31 - 3, 1)])
def test_what_a_producer_wrote_before_it_began_anew_is_no_retry_after_a_restart(
    sequence: int, epoch: int, clean: bool
) -> None:
    """Forgotten, or with a new epoch: its numbers come again, and the log still has the old.

    A clean start reads the snapshot and the last batches, another one here all batches.
    """
    files = MemoryFiles()
    log = open_log(files, EACH_INDEXED)
    for number in range(3):
        append(log, batch(b"old", producer=(4, 0), sequence=sequence + number))
    if epoch == 0:
        log.producer_state.remove_expired(NOW_MS, 0)
    append(log, batch(b"new", producer=(4, epoch), sequence=0))
    log.close()

    reopened = open_log(files, EACH_INDEXED, clean=clean)

    assert reopened.producer_state.entries == log.producer_state.entries
    info = append(reopened, batch(b"new", producer=(4, epoch), sequence=1))
    assert (info.duplicate, info.first_offset) == (False, 4)


def test_a_marker_for_a_forgotten_producer_brings_none_of_its_batches_back() -> None:
    files = MemoryFiles()
    log = open_log(files, EACH_INDEXED)
    append(log, batch(b"old", producer=(4, 0), sequence=0))
    log.producer_state.remove_expired(NOW_MS, 0)
    append_marker(log, (4, 0), ControlType.ABORT)
    log.take_snapshot()
    log.close()

    reopened = open_log(files, EACH_INDEXED, clean=True)

    assert reopened.producer_state.entries == log.producer_state.entries


def test_a_snapshot_of_what_a_power_cut_took_is_not_used_when_the_log_has_grown_again() -> None:
    files = MemoryFiles()
    log = open_log(files, EACH_INDEXED)
    append(log, batch(b"kept", producer=(4, 0), sequence=0))
    log.flush()
    for number in (0, 1):
        append(log, batch(b"lost", producer=(5, 0), sequence=number))
    log.take_snapshot()
    files = files.after_crash()
    log = open_log(files, EACH_INDEXED)
    for number in (1, 2, 3):
        append(log, batch(b"other", producer=(4, 0), sequence=number))
        recovery_point = log.checkpoint()

    reopened = open_log(files, EACH_INDEXED, recovery_point=recovery_point)

    assert (recovery_point, list(log.producer_state.entries)) == (4, [4])
    assert reopened.producer_state.entries == log.producer_state.entries
