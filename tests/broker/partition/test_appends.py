"""The appends of one request are answered together, or when their time is over."""

import asyncio
import gc
import random
import weakref

import pytest

from broker.errors import ErrorCode, KafkaError, StorageError
from broker.metrics import TopicCounters
from broker.partition.appends import Appends
from broker.partition.disk_worker import DiskWorker
from broker.partition.partition import Hosting, Partition, PartitionId
from broker.partition.waiting import Waiting
from broker.partition.wishes import AppendWish
from broker.storage.log import AppendInfo, Log, LogConfig
from tests.support.batches import NOW_MS, batch, read_values
from tests.support.memory_files import MemoryFiles

COUNT = 3
LARGE = bytes(100_000)  # for the writer thread


class Hosted:
    """Some partitions in one log directory."""

    def __init__(self, *, sync: bool = True) -> None:
        self.files = MemoryFiles()
        self.worker = DiskWorker(
            "test",
            sync=sync,
            on_sync_seconds=lambda seconds: None,
            on_directory_failed=lambda error: None,
        )
        self.waiting = Waiting(asyncio.get_running_loop())
        hosting = Hosting(1, self.worker, self.waiting, lambda topic: TopicCounters())
        self.partitions = [
            Partition(PartitionId("pages", bytes(16), index, 0), self._log(index), hosting)
            for index in range(COUNT)
        ]

    def _log(self, index: int) -> Log:
        directory = f"/logs/pages-{index}"
        return Log.open(self.files, directory, ("pages", index), LogConfig(), now_ms=NOW_MS)

    def request(self, *values: bytes, acks: int = -1, timeout_ms: int = 60_000) -> Appends:
        """A value for each of the first partitions."""
        appends = Appends(AppendWish(acks, timeout_ms), NOW_MS)
        for partition, value in zip(self.partitions, values, strict=False):
            appends.start(partition, batch(value))
        return appends


def offsets(told: object) -> list[int]:
    assert isinstance(told, list)
    return [one.first_offset for one in told if isinstance(one, AppendInfo)]


@pytest.mark.parametrize("sync", [False, True])
@pytest.mark.parametrize("acks", [1, -1])
async def test_requests_of_one_turn_are_answered_in_the_order_of_their_logs(
    sync: bool, acks: int
) -> None:
    hosted = Hosted(sync=sync)
    chance = random.Random(acks)
    values = [chance.choice([b"%d" % number, LARGE]) for number in range(20)]

    requests = [hosted.request(*[value] * COUNT, acks=acks) for value in values]
    told = await asyncio.gather(*(request.finished() for request in requests))
    await hosted.worker.close()

    assert [offsets(one) for one in told] == [[number] * COUNT for number in range(20)]
    assert all(read_values(one.log) == values for one in hosted.partitions)


async def test_one_refusal_does_not_keep_the_others_from_being_told() -> None:
    hosted = Hosted()
    appends = hosted.request(b"first", b"second")
    appends.start(hosted.partitions[2], memoryview(b"no batch"))

    told = await appends.finished()
    await hosted.worker.close()

    assert offsets(told) == [0, 0]
    assert isinstance(told[2], KafkaError)


async def test_a_request_has_one_deadline_however_many_partitions_it_has() -> None:
    hosted = Hosted()

    await hosted.request(*[b"x"] * COUNT).finished()
    await hosted.worker.close()

    assert len(hosted.waiting) == 1


async def test_with_acks_1_nobody_waits_for_a_deadline() -> None:
    hosted = Hosted()

    await hosted.request(*[LARGE] * COUNT, acks=1).finished()
    await hosted.worker.close()

    assert len(hosted.waiting) == 0


async def test_what_is_not_committed_in_time_is_told_so_and_stored_all_the_same() -> None:
    hosted = Hosted()
    appends = hosted.request(*[b"x"] * COUNT, timeout_ms=60_000)
    finished = asyncio.ensure_future(appends.finished())
    appends.begin_waiting(hosted.waiting)

    hosted.waiting.close()  # the time of all who wait is over
    told = await finished
    await hosted.worker.close()

    assert [one.code for one in told if isinstance(one, KafkaError)] == [
        ErrorCode.REQUEST_TIMED_OUT
    ] * COUNT
    assert all(read_values(one.log) == [b"x"] for one in hosted.partitions)


async def test_a_partition_that_fails_answers_for_itself_alone() -> None:
    hosted = Hosted()
    await hosted.request(*[b"first"] * COUNT).finished()
    appends = hosted.request(*[b"x"] * COUNT)
    hosted.partitions[1].go_offline(StorageError("the disk fails"))

    told = await appends.finished()
    await hosted.worker.close()

    assert offsets(told) == [1, 1, 1]  # it was on its way: written and synced
    with pytest.raises(KafkaError):
        hosted.request(*[b"late"] * COUNT)


class Waiter:
    """Holds the bytes of its request, as a connection's request does."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()

    def told(self, _told: object) -> None:
        self.answered.set()


async def test_who_waited_is_let_go_with_the_answer_not_at_the_deadline() -> None:
    hosted, waiter = Hosted(), Waiter()
    appends = Appends(AppendWish(-1, 60_000), NOW_MS, waiter.told)
    for partition in hosted.partitions:
        appends.start(partition, batch(b"value"))
    answered, held = waiter.answered, weakref.ref(waiter)
    del waiter
    gc.disable()
    try:
        await answered.wait()
        await asyncio.sleep(0)

        assert held() is None
    finally:
        gc.enable()
    assert appends.done
    await hosted.worker.close()
