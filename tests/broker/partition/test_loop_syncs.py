"""Syncs by the kernel: nothing is answered before them, and a thread does what they cannot."""

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from broker.errors import KafkaError, StorageError
from broker.metrics import TopicCounters
from broker.partition import loop_syncs
from broker.partition.disk_worker import DiskWorker, new_sync_guard
from broker.partition.partition import Hosting, Partition, PartitionId
from broker.partition.waiting import Waiting
from broker.storage.files import OsFiles
from broker.storage.kernel_syncs import KernelSyncs
from broker.storage.log import AppendInfo, Log, LogConfig
from tests.support.batches import NOW_MS, batch

ACKS_ALL = -1


class Kernel(KernelSyncs):
    """Tells completions when it is let, takes what it is let, and can report failures."""

    made: "list[Kernel]" = []  # noqa: RUF012 - by the worker of the test that runs

    def __init__(self) -> None:
        super().__init__()
        self.rounds: list[int] = []  # files of each
        self.take = 1_000
        self.result = 0
        self.is_held = False
        self._kept: list[tuple[int, int]] = []
        Kernel.made.append(self)

    def submit(self, descriptors: Sequence[int]) -> int:
        self.rounds.append(len(descriptors))
        allowed = descriptors[: self.take]
        return super().submit(allowed) if allowed else 0

    def completed(self) -> list[tuple[int, int]]:
        self._kept += [(place, self.result or found) for place, found in super().completed()]
        if self.is_held:
            return []
        kept, self._kept = self._kept, []
        return kept

    def release(self) -> None:
        self.is_held = False
        os.eventfd_write(self.descriptor, 1)


class Hosted:
    """Partitions on a real disk, with a worker of their own."""

    def __init__(self, logs: Sequence[Log]) -> None:
        self.failures: list[Exception] = []
        self.worker = DiskWorker(
            "test",
            sync=True,
            on_sync_seconds=lambda seconds: None,
            on_directory_failed=self.failures.append,
        )
        waiting = Waiting(asyncio.get_running_loop())
        hosting = Hosting(1, self.worker, waiting, lambda topic: TopicCounters())
        self.partitions = []
        for index, log in enumerate(logs):
            identity = PartitionId("p", bytes(15) + b"1", index, 0)
            self.partitions.append(Partition(identity, log, hosting))

    def append(self, index: int = 0, size_bytes: int = 1) -> asyncio.Future[AppendInfo]:
        return self.partitions[index].start_append(
            batch(bytes(size_bytes)), acks=ACKS_ALL, timeout_ms=60_000, now_ms=NOW_MS
        )

    @property
    def kernel(self) -> Kernel:
        return Kernel.made[-1]


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        KernelSyncs().close()
    except OSError as refusal:
        pytest.skip(f"this kernel or sandbox has no AIO: {refusal}")
    monkeypatch.setattr(loop_syncs, "KernelSyncs", Kernel)
    monkeypatch.setattr(loop_syncs, "LOGS_MIN", 1)


def opened(directory: Path, count: int) -> list[Log]:
    logs = []
    for index in range(count):
        path, key = f"{directory}/p-{index}", ("p", index)
        logs.append(Log.open(OsFiles(), path, key, LogConfig(), now_ms=NOW_MS))
        logs[-1].syncing.guard = new_sync_guard()
    return logs


@asynccontextmanager
async def hosting(directory: Path, count: int = 1) -> AsyncIterator[Hosted]:
    """Each partition has one record: the first sync of a log is for its names, too."""
    hosted = Hosted(await asyncio.to_thread(opened, directory, count))
    await asyncio.gather(*(hosted.append(index) for index in range(count)))
    try:
        yield hosted
    finally:
        async with asyncio.timeout(20):
            await hosted.worker.close()


@pytest.mark.usefixtures("kernels")
async def test_nothing_is_committed_or_answered_before_its_sync(tmp_path: Path) -> None:
    async with hosting(tmp_path) as hosted:
        partition, kernel = hosted.partitions[0], hosted.kernel
        kernel.is_held = True

        first = hosted.append()
        while not kernel._kept:
            await asyncio.sleep(0.001)
        second = hosted.append()  # it is written while the first is synced
        while partition.log_end_offset < 3:
            await asyncio.sleep(0.001)
        before = (first.done(), second.done(), partition.high_watermark, partition.log_end_offset)
        flushed = partition.log.flushed_offset
        kernel.release()
        offsets = [(await one).first_offset for one in (first, second)]

        assert before == (False, False, 1, 3)
        assert flushed == 1
        assert offsets == [1, 2]
        assert partition.log.flushed_offset == partition.high_watermark == 3
        assert kernel.rounds == [1, 1]


@pytest.mark.usefixtures("kernels")
async def test_what_is_written_during_a_sync_shares_the_next_one(tmp_path: Path) -> None:
    async with hosting(tmp_path, count=12) as hosted:
        kernel = hosted.kernel
        kernel.is_held = True
        appends = [hosted.append(3)]
        while not kernel._kept:
            await asyncio.sleep(0.001)
        for _ in range(5):
            appends += [hosted.append(index) for index in range(12)]
            await asyncio.sleep(0)
        kernel.release()
        infos = await asyncio.gather(*appends)

        assert kernel.rounds == [1, 12]
        assert [info.first_offset for info in infos[1::12]] == [1, 2, 3, 4, 5]


@pytest.mark.usefixtures("kernels")
async def test_who_wants_the_log_alone_waits_for_the_sync(tmp_path: Path) -> None:
    async with hosting(tmp_path) as hosted:
        kernel, log = hosted.kernel, hosted.partitions[0].log
        kernel.is_held = True
        first = hosted.append()
        while not kernel._kept:
            await asyncio.sleep(0.001)

        rolled = asyncio.ensure_future(hosted.worker.run(log.roll, NOW_MS))
        await asyncio.sleep(0)
        behind = hosted.append()
        while len(hosted.worker._deferred) < 2:
            await asyncio.sleep(0.001)
        before = (len(log.segments), behind.done())
        kernel.release()
        await rolled
        infos = [await first, await behind]

        assert before == (1, False)
        assert [segment.base_offset for segment in log.segments] == [0, 2]
        assert [info.first_offset for info in infos] == [1, 2]


@pytest.mark.usefixtures("kernels")
async def test_a_failed_sync_fails_its_log_for_good(tmp_path: Path) -> None:
    async with hosting(tmp_path, count=2) as hosted:
        hosted.kernel.result = -errno.EIO

        with pytest.raises(KafkaError, match="is offline"):
            await hosted.append()

        (failure,) = hosted.failures
        assert isinstance(failure, StorageError)
        assert "Input/output error" in str(failure)
        assert hosted.partitions[0].log.flushed_offset == 1
        with pytest.raises(StorageError, match="an earlier sync"):
            hosted.partitions[0].log.flush()
        hosted.kernel.result = 0
        assert (await hosted.append(1)).first_offset == 1


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("taken", [0, 1, 4])
async def test_a_thread_syncs_what_the_kernel_does_not_take(tmp_path: Path, taken: int) -> None:
    async with hosting(tmp_path, count=5) as hosted:
        hosted.kernel.take = taken

        infos = await asyncio.gather(*(hosted.append(index) for index in range(5)))

        assert [info.first_offset for info in infos] == [1] * 5
        assert [one.log.flushed_offset for one in hosted.partitions] == [2] * 5


@pytest.mark.usefixtures("kernels")
async def test_a_log_that_a_thread_is_syncing_is_left_to_the_thread(tmp_path: Path) -> None:
    async with hosting(tmp_path) as hosted:
        log = hosted.partitions[0].log
        log.syncing.guard.acquire()
        waiting = hosted.append()
        while log.end_offset < 2 or not hosted.worker._written.empty():
            await asyncio.sleep(0.001)
        before = waiting.done()
        log.syncing.guard.release()

        assert (await waiting).first_offset == 1
        assert (before, hosted.kernel.rounds) == (False, [])


@pytest.mark.usefixtures("kernels")
async def test_a_lone_log_is_left_to_the_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_syncs, "LOGS_MIN", 2)
    async with hosting(tmp_path, count=2) as hosted:
        infos = await asyncio.gather(*(hosted.append() for _ in range(3)))
        alone = list(hosted.kernel.rounds)
        infos += await asyncio.gather(hosted.append(0), hosted.append(1))

        assert [info.first_offset for info in infos] == [1, 2, 3, 4, 1]
        assert (alone, hosted.kernel.rounds) == ([], [2])


async def test_without_the_kernels_help_a_thread_syncs_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> KernelSyncs:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(loop_syncs, "KernelSyncs", refused)
    synced: list[int] = []
    flush = Log.flush

    def noted(log: Log) -> int:
        synced.append(threading.get_ident())
        return flush(log)

    async with hosting(tmp_path) as hosted:
        monkeypatch.setattr(Log, "flush", noted)
        info = await hosted.append()

    assert info.first_offset == 1
    assert synced and threading.get_ident() not in synced


@pytest.mark.usefixtures("kernels")
async def test_who_waits_to_be_alone_goes_on_though_a_report_of_the_round_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hosting(tmp_path) as hosted:
        kernel = hosted.kernel
        kernel.is_held = True
        hosted.append()
        while not kernel._kept:
            await asyncio.sleep(0.001)
        alone = asyncio.ensure_future(hosted.worker.run(lambda: "alone"))
        await asyncio.sleep(0)
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: told.append(context.get("exception"))
        )
        bugs = [RuntimeError("a bug")]

        def fails_once(_seconds: float) -> None:
            if bugs:
                raise bugs.pop()

        monkeypatch.setattr(hosted.worker, "_on_sync_seconds", fails_once)
        kernel.release()
        async with asyncio.timeout(20):
            assert await alone == "alone"

        assert [str(one) for one in told] == ["a bug"]
