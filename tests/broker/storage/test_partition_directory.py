"""Whose a log is: kept over a power cut with its first records, and done without when damaged."""

import pytest

from broker.storage import partition_directory
from broker.storage.log_config import LogConfig
from broker.storage.log_manager import LogManager
from tests.support.batches import NOW_MS, append, batch, read_values
from tests.support.memory_files import MemoryFiles

ID = bytes(range(16))
EVENTS = ("events", 0)
PATH = "/disk1/events-0"
NOTE = f"{PATH}/{partition_directory.METADATA_FILE}"


def started(files: MemoryFiles) -> LogManager:
    manager = LogManager(files, ["/disk1"])
    manager.start(1, "cluster", lambda: "directory")
    return manager


def test_the_note_survives_a_power_cut_as_soon_as_a_record_does() -> None:
    files = MemoryFiles()
    log = started(files).get_or_create(EVENTS, ID, LogConfig(), NOW_MS)
    append(log, batch(b"first"))
    log.flush()

    survivor = files.after_crash()

    assert partition_directory.read_topic_id(survivor, PATH) == ID


@pytest.mark.parametrize("left", [b"", bytes(43), b"version: 0\ntopic_id: AAEC", b"version: 0"])
def test_a_damaged_note_is_written_anew_and_the_records_are_there(left: bytes) -> None:
    files = MemoryFiles()
    log = started(files).get_or_create(EVENTS, ID, LogConfig(), NOW_MS)
    append(log, batch(b"first"))
    log.flush()
    survivor = files.after_crash()
    note = survivor.open(NOTE)
    note.truncate(0)
    note.append([left])

    opened = started(survivor).get_or_create(EVENTS, ID, LogConfig(), NOW_MS)

    assert read_values(opened) == [b"first"]
    assert partition_directory.read_topic_id(survivor, PATH) == ID
