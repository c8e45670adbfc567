"""What is written and not on the disk yet: answered to acks=1, and to nobody else."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from broker.metrics import TopicCounters
from broker.partition.disk_worker import DiskWorker
from broker.partition.partition import Hosting, Partition, PartitionId
from broker.partition.waiting import Waiting
from broker.partition.wishes import ReadEnd
from broker.storage.log import AppendInfo, Log, LogConfig
from tests.support.batches import NOW_MS, batch
from tests.support.gated_files import GatedFiles

COMMITTED = (ReadEnd.HIGH_WATERMARK, ReadEnd.LAST_STABLE_OFFSET)
LARGE = 1_000_000  # for the writer thread; small ones the loop writes
DISK = "/logs"


class Hosted:
    """Partitions on one disk that can hold back its syncs."""

    def __init__(self, count: int) -> None:
        self.files = GatedFiles()
        self.worker = DiskWorker(
            "test",
            sync=True,
            on_sync_seconds=lambda seconds: None,
            on_directory_failed=lambda error: None,
        )
        waiting = Waiting(asyncio.get_running_loop())
        hosting = Hosting(1, self.worker, waiting, lambda topic: TopicCounters())
        self.partitions = [
            Partition(PartitionId("pages", bytes(16), index, 0), self._log(index), hosting)
            for index in range(count)
        ]

    def _log(self, index: int) -> Log:
        directory = f"{DISK}/pages-{index}"
        return Log.open(self.files, directory, ("pages", index), LogConfig(), now_ms=NOW_MS)

    def append(self, size_bytes: int, acks: int) -> list[asyncio.Future[AppendInfo]]:
        """A batch to each partition."""
        return [
            one.start_append(batch(bytes(size_bytes)), acks=acks, timeout_ms=60_000, now_ms=NOW_MS)
            for one in self.partitions
        ]

    def readable(self) -> list[int]:
        """Of each partition, how much readers of either kind are given."""
        return [
            len(one.read(0, 1 << 25, end, minimum_one=True).records)
            for one in self.partitions
            for end in COMMITTED
        ]


@pytest.fixture(params=[1, 3], ids=["one log", "three logs"])
async def hosted(request: pytest.FixtureRequest) -> AsyncIterator[Hosted]:
    made = Hosted(request.param)
    yield made
    await made.worker.close()


def are_done(answers: Sequence[asyncio.Future[AppendInfo]]) -> set[bool]:
    return {answer.done() for answer in answers}


@pytest.mark.parametrize("size_bytes", [1, LARGE], ids=["by the loop", "by the thread"])
async def test_nobody_reads_or_trusts_what_a_power_cut_could_take_back(
    hosted: Hosted, size_bytes: int
) -> None:
    await asyncio.gather(*hosted.append(1, acks=-1))  # the first of a log is the thread's
    before = hosted.readable()

    with hosted.files.closed(DISK):
        safe = hosted.append(size_bytes, acks=-1)
        await asyncio.gather(*hosted.append(size_bytes, acks=1))
        await hosted.worker.run_aside(lambda: None)
        unsynced = are_done(safe), hosted.readable()
    await asyncio.gather(*safe, *hosted.append(size_bytes, acks=-1))

    assert unsynced == ({False}, before)
    assert min(hosted.readable()) > 3 * size_bytes
