"""Every kind of damage to the broker's files is told by the doctor's checks, with a way out."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from broker.errors import StorageError
from broker.records.control import ControlType
from broker.storage.files import OsFiles
from broker.storage.log_config import LogConfig
from broker.storage.log_manager import LogManager
from footfall.commands.doctor import check_log_directories
from footfall.commands.up import appliance
from footfall.segment_check import Damage, check_segments
from footfall.store_check import (
    BY_A_START,
    CLEAN_STOP,
    MISSED,
    WITHOUT,
    check_store,
    compacted_partitions,
    synced_offsets,
)
from tests.support.batches import NOW_MS, PRODUCER, append, append_marker, batch, checkpoint_all

CONFIG = LogConfig(index_interval_bytes=300)
EVENTS = ("events", 0)
TOPIC_ID = bytes(range(16))
MIDDLE = "00000000000000000028"
"""Of the segments, one that is neither the first nor the newest."""


def flip(path: Path) -> None:
    """One bit in the middle, in a byte that means something in every file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x40
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def overwritten(path: Path) -> None:
    path.write_bytes(b"\x81\xff\x07no!" * (path.stat().st_size // 6 + 10))


def gone(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def damages(log_dir: Path) -> list[Damage]:
    """What the doctor has to say of a stopped broker's directory; a torn tail is nothing."""
    checked = check_segments(log_dir, compacted_partitions(log_dir), synced_offsets(log_dir))
    worse = [one for one in checked.damages if not one.torn_tail]
    return [*worse, *check_store(log_dir, is_running=False)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some segments of a log, with a transaction that was aborted in each, closed in peace."""
    log_dir = tmp_path_factory.mktemp("store") / "broker"
    manager = LogManager(OsFiles(), (str(log_dir),))
    manager.start(1, "the-cluster", lambda: "the-directory")
    log = manager.get_or_create(EVENTS, TOPIC_ID, CONFIG, NOW_MS)
    for number in range(60):
        if number in (20, 40):
            log.roll(NOW_MS)
        append(log, batch(b"value %d" % number, timestamp_ms=NOW_MS + number))
        if number % 5 == 0:
            ours = batch(b"t" * 20, producer=PRODUCER, sequence=number // 5, transactional=True)
            append(log, ours)
            append_marker(log, PRODUCER, ControlType.ABORT)
    checkpoint_all(manager, str(log_dir))
    manager.store_cleaner_offset(("ledger", 0), 3)
    manager.clean_shutdown()
    return log_dir


@pytest.fixture
def log_dir(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "broker"))


def test_what_the_broker_wrote_is_sound(log_dir: Path) -> None:
    assert damages(log_dir) == []


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        (f"events-0/{MIDDLE}.log", (flip, cut, emptied, overwritten, gone, a_directory)),
        (f"events-0/{MIDDLE}.index", (flip, cut, overwritten, a_directory)),
        (f"events-0/{MIDDLE}.timeindex", (flip, cut, overwritten, a_directory)),
        (f"events-0/{MIDDLE}.txnindex", (flip, cut, emptied, overwritten, gone, a_directory)),
        (f"events-0/{MIDDLE}.snapshot", (flip, cut, emptied, overwritten, a_directory)),
        ("events-0/partition.metadata", (cut, overwritten, a_directory)),
        ("events-0/leader-epoch-checkpoint", (cut, emptied, overwritten, a_directory)),
        ("recovery-point-offset-checkpoint", (cut, emptied, overwritten, a_directory)),
        ("replication-offset-checkpoint", (cut, emptied, overwritten, a_directory)),
        ("log-start-offset-checkpoint", (cut, emptied, overwritten, a_directory)),
        ("cleaner-offset-checkpoint", (cut, emptied, overwritten, a_directory)),
        ("meta.properties", (cut, emptied, overwritten, gone, a_directory)),
        ("events-0", (gone,)),
    ],
)
def test_damage_is_told_where_it_is(
    name: str, ways: tuple[Callable[[Path], None], ...], sound: Path, tmp_path: Path
) -> None:
    for way in ways:
        log_dir = Path(shutil.copytree(sound, tmp_path / way.__name__))

        way(log_dir / name)

        found = damages(log_dir)
        told = [str(one.path.relative_to(log_dir)) for one in found]
        near = name.rpartition(".")[0] or name
        assert any(one.startswith(near) or way is gone for one in told), (way.__name__, found)
        assert all(one.way_out for one in found)


def test_a_missing_segment_is_told_by_the_offsets_that_it_had(log_dir: Path) -> None:
    (log_dir / "events-0" / f"{MIDDLE}.log").unlink()

    (found,) = (one for one in damages(log_dir) if "missing before it" in one.reason)

    assert found.reason.startswith(f"offsets {int(MIDDLE)} to ")


def test_gaps_of_a_compacted_log_are_no_damage(log_dir: Path) -> None:
    (log_dir / "events-0" / f"{MIDDLE}.log").unlink()
    checkpoint = log_dir / "cleaner-offset-checkpoint"
    checkpoint.write_text("0\n1\nevents 0 9\n")
    (log_dir / CLEAN_STOP).unlink()  # else it tells of each segment

    assert [one for one in damages(log_dir) if "missing" in one.reason] == []


def test_a_segment_that_is_not_as_the_broker_left_it_is_told_of_compacted_logs_too(
    log_dir: Path,
) -> None:
    (log_dir / "cleaner-offset-checkpoint").write_text("0\n1\nevents 0 9\n")
    away, older = sorted((log_dir / "events-0").glob("*.log"))[:2]
    away.unlink()
    batches = older.read_bytes()
    older.write_bytes(batches[: int.from_bytes(batches[8:12], "big") + 12])

    told = {one.path: one.reason for one in damages(log_dir) if one.way_out == BY_A_START}

    assert told[away] == "it is missing"
    assert told[older].endswith(f"and had {len(batches)} when the broker stopped")


def test_what_a_start_has_missed_is_told_until_somebody_does_without(log_dir: Path) -> None:
    (log_dir / "events-0" / f"{MIDDLE}.log").unlink()
    manager = LogManager(OsFiles(), (str(log_dir),))
    manager.start(1, "the-cluster", lambda: "the-directory")
    with pytest.raises(StorageError, match=MISSED):
        manager.get_or_create(EVENTS, TOPIC_ID, CONFIG, NOW_MS)
    manager.clean_shutdown()

    (found,) = (one for one in damages(log_dir) if one.path.name == MISSED)
    found.path.unlink()

    assert found.way_out == WITHOUT
    assert MISSED not in {one.path.name for one in damages(log_dir)}


def test_half_a_batch_is_a_torn_tail_in_the_newest_segment_only(log_dir: Path) -> None:
    newest = max((log_dir / "events-0").glob("*.log"))

    with newest.open("ab") as file:
        file.write(newest.read_bytes()[:20])
    assert damages(log_dir) == []

    cut(log_dir / "events-0" / f"{MIDDLE}.log")
    (found, *_) = damages(log_dir)
    assert found.reason == "the file ends within a batch"


@pytest.mark.parametrize("way", [cut, emptied, gone])
def test_a_lost_end_is_told_though_what_is_left_is_sound(
    log_dir: Path, way: Callable[[Path], None]
) -> None:
    way(max((log_dir / "events-0").glob("*.log")))

    (found,) = (one for one in damages(log_dir) if "was on the disk" in one.reason)
    assert "everything below 84" in found.reason


def test_offsets_that_come_twice_are_told(log_dir: Path) -> None:
    first = log_dir / "events-0" / f"{0:020d}.log"
    shutil.copy(first, log_dir / "events-0" / f"{1:020d}.log")

    assert any("offset 0" in one.reason for one in damages(log_dir))


def test_a_deleted_log_that_a_checkpoint_still_names_is_left_out_while_it_runs(
    log_dir: Path,
) -> None:
    gone(log_dir / "events-0")

    assert list(check_store(log_dir, is_running=True)) == []
    (found,) = check_store(log_dir, is_running=False)
    assert found == replace(found, path=log_dir / "events-0", position=0)


def test_zeros_at_the_end_of_an_index_are_room_that_was_not_used(log_dir: Path) -> None:
    """As Apache Kafka leaves them when it is killed."""
    for suffix, entry_bytes in ((".index", 8), (".timeindex", 12)):
        with (log_dir / "events-0" / f"{MIDDLE}{suffix}").open("ab") as file:
            file.write(bytes(100 * entry_bytes))

    assert damages(log_dir) == []


def test_no_directory_has_nothing_to_tell(tmp_path: Path) -> None:
    assert list(check_store(tmp_path / "absent", is_running=False)) == []


def test_the_doctor_looks_at_the_log_directories_of_the_settings(
    log_dir: Path, tmp_path: Path
) -> None:
    config = tmp_path / "footfall.toml"
    config.write_text(f'[broker]\nlog_dirs = ["{log_dir}", "{tmp_path / "other"}"]\n')
    plan = appliance(config, tmp_path / "data")
    assert [one.way_out for one in check_log_directories(plan)] == ["", ""]

    flip(log_dir / "events-0" / f"{MIDDLE}.log")

    told = list(check_log_directories(plan))
    assert any(f"{MIDDLE}.log: damaged at byte" in one.what and one.way_out for one in told)
    assert told[-1].what == f"{tmp_path / 'other'}: no logs yet"
