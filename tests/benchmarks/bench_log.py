"""The log against the bare disk calls beneath it: appends, and how long opening takes."""

import os
import tempfile
import time
from collections.abc import Sequence

from broker.records.batch import build_batch
from broker.records.record import Record
from broker.storage.appender import append_many
from broker.storage.file_slice import FileSlice
from broker.storage.files import OsFiles
from broker.storage.log import AppendRequest, Log, LogConfig
from broker.storage.quick import take_in, write_quickly
from tests.benchmarks.plan import Plan
from tests.benchmarks.table import Row

TITLE = "Log: append and open"

NOW_MS = 1_700_000_000_000
VALUE_BYTES = ((100, "100 B", 20_000), (16 * 1024, "16 KB", 2_000), (1024 * 1024, "1 MB", 100))
GROUP = 16  # batches of one group commit
OPEN_BYTES = 1 << 30
OPEN_BATCH_BYTES = 64 * 1024
SEGMENT_BYTES = (1 << 31) - 1  # all in one: the newest segment is what recovery scans
MEGABYTE = 1e6
CACHED_BYTES = 1 << 20
CACHED_LOOKS = 200


def rows(plan: Plan) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as directory:
        found = []
        for value_bytes, name, count in VALUE_BYTES:
            found += _append_rows(directory, value_bytes, name, count)
        return [*found, _cached_row(directory), *_open_rows(directory)]


def _batch(value: bytes, sequence: int) -> memoryview:
    record = Record(0, NOW_MS, None, value)
    return memoryview(
        build_batch([record], producer_id=1, producer_epoch=0, base_sequence=sequence)
    )


def _new_log(directory: str, name: str) -> Log:
    config = LogConfig(max_message_bytes=1 << 30, segment_bytes=SEGMENT_BYTES)
    return Log.open(OsFiles(), f"{directory}/{name}-0", (name, 0), config, now_ms=NOW_MS)


def _append_rows(directory: str, value_bytes: int, name: str, count: int) -> list[Row]:
    """Best of three interleaved runs: on a shared machine the least disturbed one counts."""
    value = os.urandom(value_bytes)
    batches = [_batch(value, number + 1) for number in range(count)]
    total_bytes = sum(map(len, batches))
    bare, single, grouped = [], [], []
    for run in range(3):
        bare.append(_bare_seconds(f"{directory}/bare", batches))
        single.append(_append_seconds(directory, f"s{value_bytes}-{run}", batches, 1))
        grouped.append(_append_seconds(directory, f"g{value_bytes}-{run}", batches, GROUP))
    against = "the same bytes by bare pwritev"
    return [
        Row(
            f"append, {name} batches, {how}",
            total_bytes / min(seconds) / MEGABYTE,
            "MB/s",
            min(bare) / min(seconds),
            against,
        )
        for how, seconds in (("one by one", single), (f"groups of {GROUP}", grouped))
    ]


def _bare_seconds(path: str, batches: Sequence[memoryview]) -> float:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        position = 0
        started = time.perf_counter()
        for batch in batches:
            position += os.pwritev(descriptor, [batch], position)
        return time.perf_counter() - started
    finally:
        os.close(descriptor)


def _append_seconds(directory: str, name: str, batches: list[memoryview], group: int) -> float:
    log = _new_log(directory, name)
    append_many(log, [AppendRequest(_batch(b"", 0), 0, NOW_MS)])  # writes the leader epoch
    started = time.perf_counter()
    for first in range(0, len(batches), group):
        requests = [AppendRequest(batch, 0, NOW_MS) for batch in batches[first : first + group]]
        staged = write_quickly(log, requests)
        if staged is None:
            append_many(log, requests)
        else:
            take_in(log, staged, NOW_MS)
    seconds = time.perf_counter() - started
    log.delete()
    return seconds


def _cached_row(directory: str) -> Row:
    """What an old megabyte costs before it is sent, if it is in memory; best of many."""
    file = OsFiles().open(f"{directory}/cached", create=True)
    file.append([bytes(CACHED_BYTES)])
    part = FileSlice(file, 0, CACHED_BYTES)
    known, read = [], []
    for _ in range(CACHED_LOOKS):
        started = time.perf_counter()
        part.load()
        between = time.perf_counter()
        part.read()
        known.append(between - started)
        read.append(time.perf_counter() - between)
    what = "1 MB of the page cache: to make sure that it is there"
    return Row(what, min(known) * 1e6, "us", min(known) / min(read), "to read it")


def _open_rows(directory: str) -> list[Row]:
    log = _new_log(directory, "large")
    batch = memoryview(build_batch([Record(0, NOW_MS, None, os.urandom(OPEN_BATCH_BYTES))]))
    group = [AppendRequest(batch, 0, NOW_MS)] * GROUP
    while log.size_bytes < OPEN_BYTES:
        append_many(log, group)
    recovery_point = log.checkpoint()
    log.close()
    found = []
    for what, clean, point in (
        ("clean stop", True, recovery_point),
        ("kill -9, all of it flushed", False, recovery_point),
        ("kill -9, nothing flushed", False, 0),
    ):
        started = time.perf_counter()
        Log.open(
            OsFiles(),
            log.directory,
            log.topic_partition,
            log.config,
            clean_shutdown=clean,
            recovery_point=point,
            now_ms=NOW_MS,
        )
        seconds = time.perf_counter() - started
        found.append(Row(f"open 1 GB after {what}", seconds * 1000, "ms"))
    log.delete()
    return found
