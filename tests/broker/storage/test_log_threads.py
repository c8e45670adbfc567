"""Readers beside the one thread that appends, rolls, compacts nothing and deletes old segments."""

import random
import threading
from pathlib import Path

from broker.errors import ErrorCode, KafkaError
from broker.records.batch import crc_ok, iterate
from broker.storage.files import OsFiles
from broker.storage.log import Log, LogConfig
from tests.support.batches import NOW_MS, append, batch

BATCHES = 4000
READERS = 3


def read_some(log: Log, seed: int, stop: threading.Event, failures: list[str]) -> None:
    """Read at random offsets and by time until told to stop; note all that is not as it must be.

    Any other exception ends the thread, which pytest makes a failure.
    """
    chance = random.Random(seed)
    while not stop.is_set():
        end_offset = log.end_offset
        offset = chance.randint(log.start_offset, end_offset)
        limit = chance.choice([1, 300, 5000])
        try:
            part = log.read(offset, limit, end_offset=end_offset, minimum_one=True)
            headers = list(iterate(data := part.read()))
            log.offset_for_timestamp(NOW_MS + offset)
        except KafkaError as refusal:
            if refusal.code is not ErrorCode.OFFSET_OUT_OF_RANGE or offset >= log.start_offset:
                failures.append(f"offset {offset}: {refusal}")
            continue
        if offset == end_offset:
            continue
        if not headers and offset >= log.start_offset:
            failures.append(f"nothing at {offset} of {end_offset}")
            continue
        if headers and not headers[0][1].base_offset <= offset <= headers[0][1].last_offset:
            failures.append(f"{offset} answered with {headers[0][1].base_offset}")
        if not all(crc_ok(data, position, header) for position, header in headers):
            failures.append(f"bad crc at {offset}")


def test_readers_see_whole_batches_while_a_log_is_written_rolled_and_cut(tmp_path: Path) -> None:
    config = LogConfig(segment_bytes=5000, index_interval_bytes=200, retention_bytes=40_000)
    log = Log.open(OsFiles(), str(tmp_path / "t-0"), ("t", 0), config, now_ms=NOW_MS)
    append(log, batch(b"first"))
    stop = threading.Event()
    failures: list[str] = []
    readers = [
        threading.Thread(target=read_some, args=(log, seed, stop, failures))
        for seed in range(READERS)
    ]

    for reader in readers:
        reader.start()
    for number in range(BATCHES):
        append(log, batch(b"x" * (number % 90), b"y", timestamp_ms=NOW_MS + number))
        if number % 50 == 0:
            log.delete_old_segments(NOW_MS, log.end_offset)
            log.remove_retired(NOW_MS + config.file_delete_delay_ms)
    stop.set()
    for reader in readers:
        reader.join()

    assert failures == []
    assert log.start_offset > 0
