"""Who syncs an append that comes alone: the event loop, where nobody else is held up by it."""

import asyncio
import errno
import math
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from broker.errors import KafkaError
from broker.metrics import TopicCounters
from broker.partition import lone_syncs
from broker.partition.disk_worker import DiskWorker, new_sync_guard
from broker.partition.lone_syncs import IN_A_ROW
from broker.partition.partition import Hosting, Partition, PartitionId
from broker.partition.waiting import Waiting
from broker.storage.files import OsFiles
from broker.storage.log import AppendInfo, Log, LogConfig
from tests.support.batches import NOW_MS, batch

ACKS_ALL = -1


class Disk:
    """Notes who syncs and what the partition says meanwhile; can fail."""

    def __init__(self) -> None:
        self.by_loop: list[bool] = []
        self.high_watermarks: list[int] = []
        self.partition: Partition | None = None
        self.fails = False
        self._loop_thread = threading.get_ident()
        self._sync = os.fdatasync

    def fdatasync(self, descriptor: int) -> None:
        self.by_loop.append(threading.get_ident() == self._loop_thread)
        if self.partition is not None:
            self.high_watermarks.append(self.partition.high_watermark)
        if self.fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._sync(descriptor)


class Hosted:
    """A partition on a real disk."""

    def __init__(self, log: Log, disk: Disk, *, is_only: bool = True) -> None:
        self.disk = disk
        self.failures: list[Exception] = []
        self.synced_s: list[float] = []
        self.worker = DiskWorker(
            "test",
            sync=True,
            is_only=is_only,
            on_sync_seconds=self.synced_s.append,
            on_directory_failed=self.failures.append,
        )
        waiting = Waiting(asyncio.get_running_loop())
        hosting = Hosting(1, self.worker, waiting, lambda topic: TopicCounters())
        identity = PartitionId("p", bytes(15) + b"1", 0, 0)
        self.partition = disk.partition = Partition(identity, log, hosting)

    def append(self, acks: int = ACKS_ALL) -> asyncio.Future[AppendInfo]:
        return self.partition.start_append(batch(b"x"), acks=acks, timeout_ms=60_000, now_ms=NOW_MS)

    async def append_alone(self, times: int) -> list[bool]:
        """One after the other; whether the loop made the sync of each."""
        self.disk.by_loop.clear()
        for _ in range(times):
            await self.append()
        return list(self.disk.by_loop)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Quick, and under a loop that has nothing else to do, however full the machine is."""
    disk = Disk()
    monkeypatch.setattr(os, "fdatasync", disk.fdatasync)
    monkeypatch.setattr(lone_syncs, "SLOW_SYNC_S", math.inf)
    monkeypatch.setattr(lone_syncs, "LOOK_S", math.inf)
    return disk


@asynccontextmanager
async def hosting(directory: Path, disk: Disk, *, is_only: bool = True) -> AsyncIterator[Hosted]:
    """With one record: the first sync of a log is for its names, too."""

    def opened() -> Log:
        log = Log.open(OsFiles(), f"{directory}/p-0", ("p", 0), LogConfig(), now_ms=NOW_MS)
        log.syncing.guard = new_sync_guard()
        return log

    hosted = Hosted(await asyncio.to_thread(opened), disk, is_only=is_only)
    await hosted.append()
    try:
        yield hosted
    finally:
        async with asyncio.timeout(20):
            await hosted.worker.close()


async def test_of_appends_that_come_one_by_one_the_loop_syncs_itself(
    tmp_path: Path, disk: Disk
) -> None:
    async with hosting(tmp_path, disk) as hosted:
        by_loop = await hosted.append_alone(IN_A_ROW + 2)

    assert by_loop == [False] * (IN_A_ROW - 1) + [True] * 3
    assert len(hosted.synced_s) == IN_A_ROW + 3


async def test_nothing_counts_before_the_loop_has_synced_it(tmp_path: Path, disk: Disk) -> None:
    async with hosting(tmp_path, disk) as hosted:
        await hosted.append_alone(IN_A_ROW)
        disk.high_watermarks.clear()
        end_offset = hosted.partition.high_watermark
        by_loop = await hosted.append_alone(3)

    assert by_loop == [True] * 3
    assert disk.high_watermarks == [end_offset, end_offset + 1, end_offset + 2]


async def test_appends_that_come_together_are_left_to_the_thread(
    tmp_path: Path, disk: Disk
) -> None:
    async with hosting(tmp_path, disk) as hosted:
        await hosted.append_alone(IN_A_ROW)
        disk.by_loop.clear()
        await asyncio.gather(hosted.append(), hosted.append())
        together = list(disk.by_loop)
        after_them = await hosted.append_alone(IN_A_ROW + 1)

    assert together == [False]
    assert after_them == [False] * IN_A_ROW + [True]


async def test_who_does_not_wait_for_the_sync_is_left_to_the_thread(
    tmp_path: Path, disk: Disk
) -> None:
    async with hosting(tmp_path, disk) as hosted:
        await hosted.append_alone(IN_A_ROW)
        disk.by_loop.clear()
        await hosted.append(acks=1)
        await hosted.worker.run(lambda: None)  # when it is synced

    assert disk.by_loop == [False]


async def test_a_disk_that_was_slow_is_left_to_the_thread_for_a_hundred_times_as_long(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hosting(tmp_path, disk) as hosted:
        await hosted.append_alone(IN_A_ROW)
        monkeypatch.setattr(lone_syncs, "SLOW_SYNC_S", 0.0)
        monkeypatch.setattr(lone_syncs, "SLOW_SHARE", 1e-9)  # for ever, as this test goes
        by_loop = await hosted.append_alone(3)

    assert by_loop == [True, False, False]


async def test_a_loop_with_much_to_do_leaves_it_to_the_thread(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hosting(tmp_path, disk) as hosted:
        await hosted.append_alone(IN_A_ROW)
        monkeypatch.setattr(lone_syncs, "LOOK_S", 0.0)
        monkeypatch.setattr(lone_syncs, "BUSY_SHARE", 0.0)  # any work is too much
        busy = await hosted.append_alone(2)
        monkeypatch.setattr(lone_syncs, "BUSY_SHARE", math.inf)
        idle = await hosted.append_alone(2)

    assert (busy, idle) == ([False, False], [True, True])


async def test_with_several_log_directories_a_disk_holds_up_no_other(
    tmp_path: Path, disk: Disk
) -> None:
    async with hosting(tmp_path, disk, is_only=False) as hosted:
        by_loop = await hosted.append_alone(IN_A_ROW + 2)

    assert by_loop == [False] * (IN_A_ROW + 2)


async def test_a_failed_sync_by_the_loop_fails_its_log_for_good(tmp_path: Path, disk: Disk) -> None:
    async with hosting(tmp_path, disk) as hosted:
        await hosted.append_alone(IN_A_ROW)
        end_offset = hosted.partition.high_watermark
        disk.fails = True
        with pytest.raises(KafkaError, match="offline"):
            await hosted.append()
        disk.fails = False
        with pytest.raises(KafkaError, match="offline"):
            await hosted.append()

    assert disk.by_loop[-1]
    assert [str(failure).partition(" ")[0] for failure in hosted.failures] == ["cannot"]
    assert hosted.partition.high_watermark == end_offset
