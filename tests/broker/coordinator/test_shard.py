"""A state on a partition: decided, appended, applied; what becomes of it when appends fail."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from broker.coordinator.shard import Decision, Shard, Source
from broker.errors import ErrorCode, KafkaError
from broker.metrics import TopicCounters
from broker.partition.disk_worker import DiskWorker
from broker.partition.partition import Hosting, Partition, PartitionId
from broker.partition.waiting import Waiting
from tests.support.batches import open_log
from tests.support.gated_files import GatedFiles
from tests.support.manual_clock import ManualClock

DISK = "/logs"
PLENTY = 1 << 40


class Words:
    """The values of all records, in the order of the log."""

    def __init__(self) -> None:
        self.known: list[bytes | None] = []
        self.loads = 0

    def reset(self) -> None:
        self.known = []

    def replay(self, key: bytes | None, value: bytes | None, source: Source) -> None:
        self.known.append(value)

    def end_transaction(self, producer_id: int, *, committed: bool) -> None:
        """Nothing is written in transactions here."""

    def loaded(self) -> None:
        self.loads += 1


class Hosted:
    """A shard on a disk in memory."""

    def __init__(self) -> None:
        self.files, self.words = GatedFiles(), Words()
        self.worker = DiskWorker(
            "test",
            sync=True,
            on_sync_seconds=lambda seconds: None,
            on_directory_failed=lambda error: None,
        )
        waiting = Waiting(asyncio.get_running_loop())
        hosting = Hosting(1, self.worker, waiting, lambda topic: TopicCounters())
        identity = PartitionId("__words", bytes(15) + b"1", 0, 0)
        partition = Partition(identity, open_log(self.files), hosting)
        self.shard = Shard(partition, self.words, ManualClock(), on_loaded=self.words.loaded)

    def write(self, word: bytes) -> "asyncio.Task[bytes]":
        """What it comes to; decided by the next turn of the loop."""
        decision = Decision([(b"key", word)], word)
        return asyncio.get_running_loop().create_task(self.shard.write(lambda: decision))


@pytest.fixture
async def hosted() -> AsyncIterator[Hosted]:
    made = Hosted()
    await made.shard.load()
    yield made
    await made.worker.close()


async def test_an_answer_waits_for_the_disk_and_the_next_decision_does_not(hosted: Hosted) -> None:
    with hosted.files.closed(DISK):
        first, second = hosted.write(b"first"), hosted.write(b"second")
        while len(hosted.words.known) < 2:
            await asyncio.sleep(0)
        await hosted.worker.run_aside(lambda: None)
        answered_early = first.done() or second.done()

    assert list(await asyncio.gather(first, second)) == [b"first", b"second"]
    assert not answered_early


async def test_appends_that_fail_together_are_followed_by_one_replay(hosted: Hosted) -> None:
    """Two at a time would show a state that one of them has just emptied."""
    await hosted.write(b"stored")
    hosted.files.bytes_left = 0
    lost = [hosted.write(b"lost %d" % number) for number in range(3)]
    outcomes = await asyncio.gather(*lost, return_exceptions=True)
    hosted.files.bytes_left = PLENTY
    await hosted.shard.wait_until_loaded()
    await hosted.worker.run(lambda: None)

    codes = [one.code for one in outcomes if isinstance(one, KafkaError)]
    assert codes == [ErrorCode.KAFKA_STORAGE_ERROR] * 3
    assert hosted.words.known == [b"stored"]
    assert hosted.words.loads == 2  # the first of them at the start
    assert await hosted.write(b"after") == b"after"
    assert hosted.words.known == [b"stored", b"after"]


async def test_while_the_log_is_read_again_nothing_is_decided(hosted: Hosted) -> None:
    await hosted.write(b"stored")
    hosted.files.bytes_left = 0
    (lost,) = await asyncio.gather(hosted.write(b"lost"), return_exceptions=True)
    hosted.files.bytes_left = PLENTY

    (early,) = await asyncio.gather(hosted.write(b"early"), return_exceptions=True)
    was_loaded = hosted.shard.is_loaded
    await hosted.shard.wait_until_loaded()

    assert isinstance(lost, KafkaError)
    assert isinstance(early, KafkaError)
    assert early.code is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    assert (was_loaded, hosted.shard.is_loaded) == (False, True)
    assert hosted.words.known == [b"stored"]


async def test_while_it_is_loaded_anew_nothing_is_decided(hosted: Hosted) -> None:
    await hosted.write(b"stored")
    with hosted.files.closed(DISK):
        loading = asyncio.get_running_loop().create_task(hosted.shard.load())
        await asyncio.sleep(0)
        with pytest.raises(KafkaError) as refusal:
            hosted.shard.check_loaded()
    await loading

    assert refusal.value.code is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    assert hosted.shard.is_loaded
