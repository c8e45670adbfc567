"""Group commit, as the log and the disk see it."""

import asyncio
import random
import threading
import time
import weakref

import pytest

from broker.errors import KafkaError, StorageError
from broker.metrics import TopicCounters
from broker.partition import disk_worker
from broker.partition.disk_worker import (
    GROUP_APPENDS_MAX,
    LOOP_BYTES_MAX,
    SLOW_WRITE_S,
    DiskWorker,
)
from broker.partition.partition import Hosting, Partition, PartitionId
from broker.partition.waiting import Waiting
from broker.storage.log import AppendInfo
from tests.support.batches import NOW_MS, batch, open_log
from tests.support.memory_files import MemoryFiles

ACKS_ALL = -1


class WatchedFiles(MemoryFiles):
    """Tells which thread wrote, and can be slow."""

    def __init__(self) -> None:
        super().__init__()
        self.writers: list[int] = []
        self.delay_s = 0.0
        self.sync_begun = threading.Event()
        self.syncs_go_on = threading.Event()
        self.syncs_go_on.set()
        self.sleeps = True
        """When it is slow: as on a disk. False: as when others have the processor."""

    def before_sync(self, path: str) -> None:
        self.sync_begun.set()
        assert self.syncs_go_on.wait(10)
        super().before_sync(path)

    def before_write(self, path: str, length: int) -> None:
        super().before_write(path, length)
        self.writers.append(threading.get_ident())
        until_s = time.perf_counter() + self.delay_s
        while time.perf_counter() < until_s:
            if self.sleeps:
                time.sleep(self.delay_s)


class Hosted:
    """A partition on a disk in memory, with a worker of its own."""

    def __init__(self, *, sync: bool = True) -> None:
        self.files = WatchedFiles()
        self.failures: list[Exception] = []
        self.worker = DiskWorker(
            "test",
            sync=sync,
            on_sync_seconds=lambda seconds: None,
            on_directory_failed=self.failures.append,
        )
        waiting = Waiting(asyncio.get_running_loop())
        hosting = Hosting(1, self.worker, waiting, lambda topic: TopicCounters())
        identity = PartitionId("pages", bytes(15) + b"1", 0, 0)
        self.partition = Partition(identity, open_log(self.files), hosting)

    def append(
        self, acks: int = ACKS_ALL, size_bytes: int = 1, *, timeout_ms: int = 60_000
    ) -> asyncio.Future[AppendInfo]:
        records = batch(bytes(size_bytes))
        return self.partition.start_append(records, acks=acks, timeout_ms=timeout_ms, now_ms=NOW_MS)

    def append_bytes(self, records: memoryview) -> asyncio.Future[AppendInfo]:
        return self.partition.start_append(records, acks=ACKS_ALL, timeout_ms=60_000, now_ms=NOW_MS)


@pytest.mark.parametrize("count", [1, 7, GROUP_APPENDS_MAX, 2 * GROUP_APPENDS_MAX + 3])
async def test_appends_of_one_turn_of_the_loop_share_writes_and_syncs(count: int) -> None:
    hosted = Hosted()
    await hosted.append()  # the first sync of a log has its names to make safe, too
    writes, syncs = hosted.files.writes, hosted.files.syncs

    infos = await asyncio.gather(*(hosted.append() for _ in range(count)))
    await hosted.worker.close()

    groups = -(-count // GROUP_APPENDS_MAX)
    assert [info.first_offset for info in infos] == list(range(1, count + 1))
    assert hosted.files.writes - writes <= groups
    assert hosted.files.syncs - syncs <= groups


@pytest.mark.parametrize("size_bytes", [1, 100_000])
async def test_an_answered_append_holds_its_records_no_longer(size_bytes: int) -> None:
    """Its deadline is swept later: the records of a minute would stay in memory until then."""
    hosted = Hosted()
    records = batch(bytes(size_bytes))
    seen = weakref.ref(records)

    await hosted.append_bytes(records)
    await hosted.worker.close()
    del records

    assert len(hosted.partition.waiting) == 1
    assert seen() is None


async def test_a_call_runs_after_the_appends_that_were_queued_before_it() -> None:
    hosted = Hosted()

    first = hosted.append()
    seen = await hosted.worker.run(lambda: hosted.partition.log.flushed_offset)
    second = hosted.append()
    await hosted.worker.close()

    assert seen == 1
    assert ((await first).first_offset, (await second).first_offset) == (0, 1)


async def test_appends_queued_at_the_very_end_are_answered_before_the_threads_end() -> None:
    hosted = Hosted()

    closing = asyncio.ensure_future(hosted.worker.close())
    await asyncio.sleep(0)
    late = hosted.append()
    await closing

    assert (await late).first_offset == 0


@pytest.mark.parametrize("seed", range(5))
async def test_appends_and_calls_in_any_mixture_keep_the_order_of_the_queue(seed: int) -> None:
    hosted = Hosted(sync=seed % 2 == 0)
    chance = random.Random(seed)
    appends: list[asyncio.Future[AppendInfo]] = []
    ends: list[tuple[int, int]] = []

    async def look(queued: int) -> None:
        ends.append((queued, await hosted.worker.run(lambda: hosted.partition.log.end_offset)))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(200):
            appends.append(hosted.append(chance.choice((ACKS_ALL, 1))))
            if chance.random() < 0.1:
                tasks.create_task(look(len(appends)))
            if chance.random() < 0.2:
                await asyncio.sleep(0)
    offsets = [(await append).first_offset for append in appends]
    await hosted.worker.close()

    assert offsets == list(range(200))
    assert all(end >= queued for queued, end in ends)


async def test_a_failed_sync_fails_all_that_waited_for_it() -> None:
    hosted = Hosted()
    hosted.files.fail_sync = hosted.files.syncs + 1

    answers = await asyncio.gather(*(hosted.append() for _ in range(3)), return_exceptions=True)
    await hosted.worker.close()

    assert all(isinstance(answer, Exception) for answer in answers)
    assert [type(failure) for failure in hosted.failures] == [StorageError]


@pytest.mark.parametrize("sync", [True, False])
async def test_a_failed_write_by_the_loop_refuses_all_of_its_log_and_what_comes_later(
    sync: bool,
) -> None:
    hosted = Hosted(sync=sync)
    await hosted.append()  # the first one of a segment sets its time
    hosted.files.fail_write = hosted.files.writes + 1

    async with asyncio.timeout(50):
        answers = await asyncio.gather(*(hosted.append() for _ in range(3)), return_exceptions=True)
    with pytest.raises(KafkaError):
        hosted.append()
    await hosted.worker.close()

    assert all(isinstance(answer, KafkaError) for answer in answers)
    assert not hosted.partition.is_online


@pytest.mark.parametrize("sync", [True, False])
async def test_a_log_that_cannot_keep_its_books_takes_nothing_more(sync: bool) -> None:
    hosted = Hosted(sync=sync)
    await hosted.append()  # the first one of a segment sets its time
    hosted.partition.log.active_segment.tail = None  # as of a segment that is finished

    await asyncio.gather(hosted.append(), return_exceptions=True)
    with pytest.raises(KafkaError, match="not taken in"):
        hosted.append()
    await hosted.worker.close()

    assert not hosted.partition.is_online


@pytest.mark.parametrize("acks", [ACKS_ALL, 1])
@pytest.mark.parametrize("sync", [True, False])
async def test_small_appends_are_written_by_the_loop_in_one_write(acks: int, sync: bool) -> None:
    hosted = Hosted(sync=sync)
    await hosted.append()  # the first one of a segment sets its time
    hosted.files.writers.clear()

    infos = await asyncio.gather(*(hosted.append(acks) for _ in range(100)))
    await hosted.worker.close()

    assert hosted.files.writers == [threading.get_ident()]
    assert [info.first_offset for info in infos] == list(range(1, 101))


@pytest.mark.parametrize("acks", [ACKS_ALL, 1])
async def test_many_bytes_or_a_batch_that_must_be_looked_into_go_to_the_thread(acks: int) -> None:
    hosted = Hosted()
    await hosted.append()
    hosted.files.writers.clear()

    await asyncio.gather(
        *(hosted.append(acks, 10_000) for _ in range(LOOP_BYTES_MAX // 10_000 + 1))
    )
    await hosted.append(acks, 100_000)
    with pytest.raises(KafkaError):
        await hosted.append_bytes(memoryview(bytes(100)))
    await hosted.worker.close()

    assert len(hosted.files.writers) == 2
    assert threading.get_ident() not in hosted.files.writers


async def test_an_append_that_nobody_answers_in_time_is_refused_then() -> None:
    hosted = Hosted()
    await hosted.append()
    release = threading.Event()

    busy = asyncio.ensure_future(hosted.worker.run(release.wait, 10))
    await asyncio.sleep(0)
    late = hosted.append(timeout_ms=1)
    with pytest.raises(KafkaError, match="timeout"):
        await late
    release.set()
    await busy
    await hosted.worker.close()

    assert hosted.partition.high_watermark == 2


async def test_the_loop_does_not_write_while_the_writer_has_work() -> None:
    hosted = Hosted()
    release = threading.Event()

    busy = asyncio.ensure_future(hosted.worker.run(release.wait, 10))
    await asyncio.sleep(0)
    waiting = hosted.append()
    await asyncio.sleep(0.01)
    before = list(hosted.files.writers)
    release.set()
    await waiting
    await busy
    await hosted.worker.close()

    assert before == []
    assert hosted.files.writers != [threading.get_ident()]


async def test_while_a_sync_hangs_the_loop_does_not_write_and_the_worker_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(disk_worker, "LATE_SYNC_S", 0.0)
    hosted = Hosted()
    await hosted.append()
    idle_s = hosted.worker.waiting_s
    hosted.files.writers.clear()
    hosted.files.sync_begun.clear()
    hosted.files.syncs_go_on.clear()
    begun = hosted.append()
    await asyncio.to_thread(hosted.files.sync_begun.wait, 10)
    while_it_hangs = hosted.append()
    while len(hosted.files.writers) < 2:
        await asyncio.sleep(0)
    hangs_s = hosted.worker.waiting_s
    hosted.files.syncs_go_on.set()
    await asyncio.gather(begun, while_it_hangs)
    await hosted.worker.close()

    loop = threading.get_ident()
    assert [writer == loop for writer in hosted.files.writers] == [True, False]
    assert (idle_s, hosted.worker.waiting_s) == (0, 0)
    assert hangs_s > 0


async def test_a_writer_that_hangs_is_told() -> None:
    hosted = Hosted()
    begun, release = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        release.wait(10)

    call = asyncio.ensure_future(hosted.worker.run(hang))
    await asyncio.to_thread(begun.wait, 10)
    hangs_s = hosted.worker.waiting_s
    release.set()
    await call

    assert hangs_s > 0
    assert hosted.worker.waiting_s == 0
    await hosted.worker.close()


@pytest.mark.may_block("the disk in memory is slow")
@pytest.mark.parametrize("sleeps", [True, False])
async def test_when_the_disk_is_slow_the_loop_leaves_writing_to_the_thread(sleeps: bool) -> None:
    hosted = Hosted()
    await hosted.append()  # the first one of a segment sets its time
    hosted.files.writers.clear()
    hosted.files.sleeps = sleeps
    hosted.files.delay_s = 2 * SLOW_WRITE_S
    await hosted.append()
    await hosted.append()
    hosted.files.delay_s = 0.0

    await hosted.append()
    await hosted.worker.close()

    loop = threading.get_ident()
    assert hosted.files.writers[:2] == [loop, loop]
    assert (hosted.files.writers[2] != loop) is sleeps
