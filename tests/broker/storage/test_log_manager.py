"""Log directories: whose they are, how they were left, and what lies in them."""

import pytest

from broker.errors import KafkaError, StorageError
from broker.storage.log import LogConfig
from broker.storage.log_directory import CLEAN_SHUTDOWN
from broker.storage.log_manager import LogManager
from tests.support.batches import NOW_MS, append, batch, checkpoint_all, read_values
from tests.support.memory_files import MemoryFiles

DIRS = ("/disk1", "/disk2")
EVENTS, OTHER = ("events", 0), ("other", 1)
TOPIC_ID, OTHER_ID = bytes(range(16)), bytes(range(16, 32))
CONFIG = LogConfig()


def started(files: MemoryFiles, dirs: tuple[str, ...] = DIRS, *, node_id: int = 1) -> LogManager:
    manager = LogManager(files, dirs)
    ids = iter(["directory-one", "directory-two"])
    manager.start(node_id, "the-cluster", lambda: next(ids))
    return manager


def with_records(files: MemoryFiles, count: int = 3) -> LogManager:
    manager = started(files)
    log = manager.get_or_create(EVENTS, TOPIC_ID, CONFIG, NOW_MS)
    for number in range(count):
        append(log, batch(b"%d" % number))
    return manager


def test_a_new_directory_gets_its_meta_properties_and_keeps_its_cluster() -> None:
    files = MemoryFiles()
    manager = started(files)
    manager.clean_shutdown()

    again = LogManager(files, DIRS)
    cluster_id = again.start(1, "another-cluster", lambda: "new")

    assert cluster_id == "the-cluster"
    assert again.directory_id("/disk1") == "directory-one"
    assert files.contents("/disk1/meta.properties") == (
        b"cluster.id=the-cluster\ndirectory.id=directory-one\n"
        b"footfall.directory.ids=directory-one,directory-two\nfootfall.format=1\n"
        b"node.id=1\nversion=1\n"
    )


def test_a_directory_of_another_node_is_refused() -> None:
    files = MemoryFiles()
    started(files).clean_shutdown()

    with pytest.raises(StorageError, match="belongs to node 1, this is node 2"):
        started(files, node_id=2)


def test_a_directory_of_another_cluster_is_refused() -> None:
    files = MemoryFiles()
    LogManager(files, ["/disk1"]).start(1, "cluster-one", lambda: "one")
    LogManager(files, ["/disk2"]).start(1, "cluster-two", lambda: "two")
    unlocked = files.after_crash()

    with pytest.raises(StorageError, match="belongs to cluster cluster-two"):
        LogManager(unlocked, DIRS).start(1, "", lambda: "")


def test_a_second_broker_on_the_same_directory_is_refused() -> None:
    files = MemoryFiles()
    started(files)

    with pytest.raises(StorageError, match=r"/disk1/\.lock is locked"):
        started(files)


@pytest.mark.parametrize("text", [b"version=2\n", b"version=1\ncluster.id=x\n", b"\xff\xfe"])
def test_a_garbled_meta_properties_is_refused(text: bytes) -> None:
    files = MemoryFiles()
    files.make_directory("/disk1")
    files.open("/disk1/meta.properties", create=True).append([text])

    with pytest.raises(StorageError, match=r"/disk1/meta\.properties"):
        started(files)


def test_a_clean_stop_is_marked_and_the_mark_holds_once() -> None:
    files = MemoryFiles()
    with_records(files).clean_shutdown()
    marked = files.exists(f"/disk1/{CLEAN_SHUTDOWN}")

    again = started(files)
    log = again.get_or_create(EVENTS, TOPIC_ID, CONFIG, NOW_MS)

    assert marked
    assert not files.exists(f"/disk1/{CLEAN_SHUTDOWN}")
    assert read_values(log) == [b"0", b"1", b"2"]
    assert again.high_watermark(EVENTS) == 3


def test_a_log_that_could_not_be_opened_keeps_the_mark_away() -> None:
    """Else the next start would trust what this one found damaged."""
    files = MemoryFiles()
    with_records(files, 20)
    path = "/disk1/events-0/00000000000000000000.log"
    files = files.after_crash(unsynced_bytes_lost=0, names_lost=False)
    files.corrupt(path, 70)
    manager = started(files)
    with pytest.raises(StorageError):
        manager.get_or_create(EVENTS, TOPIC_ID, CONFIG, NOW_MS)

    manager.clean_shutdown()

    assert not files.exists(f"/disk1/{CLEAN_SHUTDOWN}")
    assert files.exists(f"/disk2/{CLEAN_SHUTDOWN}")


def test_partitions_are_spread_and_found_again() -> None:
    files = MemoryFiles()
    manager = started(files)
    for index in range(4):
        manager.get_or_create(("events", index), TOPIC_ID, CONFIG, NOW_MS)
    homes = {index: manager.directory_for(("events", index)) for index in range(4)}
    manager.clean_shutdown()

    again = started(files)

    assert sorted(homes.values()) == ["/disk1", "/disk1", "/disk2", "/disk2"]
    assert {index: again.directory_for(("events", index)) for index in range(4)} == homes


def test_directories_that_were_in_use_must_have_the_log_by_which_others_are_known() -> None:
    files = MemoryFiles()
    fresh = started(files)
    fresh.require(OTHER)  # nothing was ever there
    fresh.get_or_create(EVENTS, TOPIC_ID, CONFIG, NOW_MS)
    fresh.get_or_create(OTHER, OTHER_ID, CONFIG, NOW_MS)
    fresh.clean_shutdown()

    alone = started(files, ("/disk1",))
    alone.require(EVENTS)
    with pytest.raises(StorageError, match="none of the usable log directories: /disk1"):
        alone.require(OTHER)


def test_a_log_in_a_directory_that_is_away_is_not_made_anew() -> None:
    files = MemoryFiles()
    manager = started(files)
    for identity, topic_id in ((EVENTS, TOPIC_ID), (OTHER, OTHER_ID)):
        append(manager.get_or_create(identity, topic_id, CONFIG, NOW_MS), batch(b"kept"))
    manager.clean_shutdown()

    alone = started(files, ("/disk1",))
    alone.expect([EVENTS, OTHER])
    with pytest.raises(StorageError, match="log directory that is away: directory-two"):
        alone.get_or_create(OTHER, OTHER_ID, CONFIG, NOW_MS)
    assert alone.get_or_create(EVENTS, TOPIC_ID, CONFIG, NOW_MS).end_offset == 1
    alone.get_or_create(("new", 0), b"n" * 16, CONFIG, NOW_MS)
    alone.clean_shutdown()

    again = started(files)
    again.expect([EVENTS, OTHER, ("new", 0)])
    assert again.get_or_create(OTHER, OTHER_ID, CONFIG, NOW_MS).end_offset == 1


def test_a_topic_of_a_directory_that_is_away_can_be_deleted_and_made_again() -> None:
    files = MemoryFiles()
    manager = started(files)
    manager.get_or_create(EVENTS, TOPIC_ID, CONFIG, NOW_MS)
    manager.get_or_create(OTHER, OTHER_ID, CONFIG, NOW_MS)
    manager.clean_shutdown()
    alone = started(files, ("/disk1",))
    alone.expect([EVENTS, OTHER])

    alone.delete(OTHER, OTHER_ID)

    assert alone.get_or_create(OTHER, b"n" * 16, CONFIG, NOW_MS).end_offset == 0


def test_a_log_that_nobody_knows_is_put_aside_and_kept() -> None:
    files = MemoryFiles()
    manager = with_records(files)
    manager.get_or_create(OTHER, OTHER_ID, CONFIG, NOW_MS)
    manager.clean_shutdown()

    again = started(files)
    again.put_strays_aside(lambda topic_id: topic_id == OTHER_ID)

    kept = f"/disk1/events-0.{TOPIC_ID.hex()}-stray/00000000000000000000.log"
    assert files.exists(kept)
    assert not any(path.startswith("/disk1/events-0/") for path in files.paths())
    assert again.directory_for(OTHER) == "/disk2"
    assert read_values(again.get_or_create(EVENTS, OTHER_ID, CONFIG, NOW_MS)) == []


def test_a_log_that_does_not_say_whose_it_is_stays_where_it_is() -> None:
    files = MemoryFiles()
    with_records(files).clean_shutdown()
    files.remove("/disk1/events-0/partition.metadata")

    again = started(files)
    again.put_strays_aside(lambda topic_id: False)

    assert files.exists("/disk1/events-0/00000000000000000000.log")


def test_what_was_checkpointed_survives_a_power_cut() -> None:
    files = MemoryFiles()
    manager = with_records(files)
    manager.get(EVENTS).delete_records_before(1)
    checkpoint_all(manager, "/disk1")
    manager.store_cleaner_offset(EVENTS, 2)

    again = started(files.after_crash())
    log = again.get_or_create(EVENTS, TOPIC_ID, CONFIG, NOW_MS)

    assert (log.start_offset, log.end_offset, log.recovery_point) == (1, 3, 3)
    assert again.cleaner_offset(EVENTS) == 2


def test_a_checkpoint_of_a_log_that_is_gone_says_nothing_of_the_next_one() -> None:
    """Killed between the deletion of a topic and the next checkpoint, and again soon after."""
    files = MemoryFiles()
    manager = with_records(files, count=5)
    checkpoint_all(manager, manager.directory_for(EVENTS))
    manager.delete(EVENTS, TOPIC_ID)
    files = files.after_crash(unsynced_bytes_lost=0, names_lost=False)
    log = started(files).get_or_create(EVENTS, OTHER_ID, CONFIG, NOW_MS)
    append(log, batch(b"new"))
    recovery_point = log.recovery_point

    manager = started(files.after_crash(unsynced_bytes_lost=0, names_lost=False))
    found = manager.get_or_create(EVENTS, OTHER_ID, CONFIG, NOW_MS)

    assert recovery_point == 0
    assert read_values(found) == [b"new"]


def test_a_deleted_partition_is_gone_at_once_and_its_files_later() -> None:
    files = MemoryFiles()
    manager = with_records(files)

    manager.delete(EVENTS, TOPIC_ID)
    renamed = [path for path in files.paths() if path.endswith(".log")]
    with pytest.raises(KafkaError):
        manager.get(EVENTS)
    removed = manager.remove_deleted("/disk1")

    assert renamed == [
        f"/disk1/events-0.{TOPIC_ID.hex()}-delete/00000000000000000000.log",
    ]
    assert removed == 1
    assert not [path for path in files.paths() if "events" in path]
    assert manager.get_or_create(EVENTS, OTHER_ID, CONFIG, NOW_MS).end_offset == 0


def test_a_topic_made_again_under_its_name_does_not_see_the_old_records() -> None:
    files = MemoryFiles()
    with_records(files).clean_shutdown()

    manager = started(files)
    log = manager.get_or_create(EVENTS, OTHER_ID, CONFIG, NOW_MS)

    assert (log.start_offset, log.end_offset) == (0, 0)
    assert files.exists(f"/disk1/events-0.{TOPIC_ID.hex()}-stray")


def test_opening_a_log_again_only_changes_its_settings() -> None:
    manager = with_records(MemoryFiles())
    log = manager.get(EVENTS)

    same = manager.get_or_create(EVENTS, TOPIC_ID, LogConfig(max_message_bytes=20), NOW_MS)

    assert same is log
    with pytest.raises(KafkaError):
        append(log, batch(b"too large"))
    assert manager.all() == [log]


def test_a_topic_made_again_does_not_inherit_the_recovery_point_of_the_deleted_one() -> None:
    """Else its records would count as flushed after the process was killed."""
    files = MemoryFiles()
    manager = with_records(files, count=5)
    checkpoint_all(manager, manager.directory_for(EVENTS))
    manager.delete(EVENTS, TOPIC_ID)
    append(manager.get_or_create(EVENTS, OTHER_ID, CONFIG, NOW_MS), batch(b"new"))

    manager = started(files.after_crash(unsynced_bytes_lost=0, names_lost=False))
    found = manager.get_or_create(EVENTS, OTHER_ID, CONFIG, NOW_MS)

    assert found.end_offset == 1
    assert found.recovery_point == 0


def test_opening_empty_logs_syncs_nothing() -> None:
    """Two directory syncs each made ten thousand partitions 20 s late."""
    files = MemoryFiles()
    manager = started(files)
    before = files.syncs

    for number in range(100):
        manager.get_or_create(("many", number), TOPIC_ID, CONFIG, NOW_MS)

    assert files.syncs == before


def test_the_first_flush_of_a_log_that_was_empty_at_a_clean_stop_makes_its_names_safe() -> None:
    files = MemoryFiles()
    manager = started(files)
    manager.get_or_create(EVENTS, TOPIC_ID, CONFIG, NOW_MS)
    manager.clean_shutdown()
    log = started(files).get_or_create(EVENTS, TOPIC_ID, CONFIG, NOW_MS)
    append(log, batch(b"first"))
    log.flush()

    survivor = files.after_crash(names_lost=True)

    assert read_values(started(survivor).get_or_create(EVENTS, TOPIC_ID, CONFIG, NOW_MS)) == [
        b"first"
    ]


def test_a_log_directory_made_at_the_start_survives_a_power_cut_with_its_first_records() -> None:
    files = MemoryFiles()
    files.make_directory("/srv")
    manager = LogManager(files, ["/srv/data/broker"])
    manager.start(1, "cluster", lambda: "directory")
    log = manager.get_or_create(EVENTS, TOPIC_ID, CONFIG, NOW_MS)
    append(log, batch(b"first"))
    log.flush()

    manager = LogManager(files.after_crash(), ["/srv/data/broker"])
    manager.start(1, "cluster", lambda: "directory")

    assert read_values(manager.get_or_create(EVENTS, TOPIC_ID, CONFIG, NOW_MS)) == [b"first"]
