"""What happens by itself to logs, seen from outside."""

import asyncio
from pathlib import Path

from broker.clock import SystemClock
from broker.config import BrokerConfig
from broker.partition.upkeep import Upkeep
from broker.partition.wishes import ACKS_ALL
from tests.support.batches import NOW_MS, batch
from tests.support.manual_clock import ManualClock
from tests.support.memory_files import MemoryFiles
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.security_calls import broker_and_client
from tests.support.topic_calls import batch_of, delete_topic, make_topic, write


async def test_old_records_of_a_compacted_topic_go_with_the_next_pass_of_compaction(
    tmp_path: Path,
) -> None:
    """As in Apache Kafka: log.cleaner.backoff.ms, and not log.retention.check.interval.ms."""
    async with broker_and_client(tmp_path, log_cleaner_backoff_ms=20) as (broker, client):
        await make_topic(client, "both", cleanup_policy="compact,delete", retention_ms="1000")
        await make_topic(client, "compacted", cleanup_policy="compact", retention_ms="1000")
        for topic in ("compacted", "both"):
            await write(client, topic, batch_of(b"old", key=b"k", timestamp_ms=1))
        both, compacted = (
            broker.services.partitions.get(topic, 0) for topic in ("both", "compacted")
        )

        while both.log_start_offset < 1:
            await asyncio.sleep(0.005)

        assert both.log_start_offset == both.log_end_offset
        assert compacted.log_start_offset == 0


async def test_files_of_a_deleted_topic_stay_for_as_long_as_the_settings_say(
    tmp_path: Path,
) -> None:
    """They stayed for up to half a minute, however short log_segment_delete_delay_ms was."""
    data = tmp_path / "data"
    settings = {"log_segment_delete_delay_ms": 0, "log_dirs": (str(data),)}
    async with broker_and_client(tmp_path, **settings) as (_, client):
        await make_topic(client, "pages")

        there = [*data.glob("pages-0*")]

        await delete_topic(client, "pages")
        async with asyncio.timeout(10):
            while any(data.glob("pages-0*")):
                await asyncio.sleep(0.01)

        assert len(there) == 1
        assert not [*data.glob("pages-0*")]


async def test_appends_go_on_between_the_checkpoints_of_two_logs() -> None:
    """All logs of a directory in one go kept every producer waiting for hundreds of syncs."""
    files = MemoryFiles()
    async with running_broker(Path("/data"), files=files) as broker:
        async with await RawClient.connect(broker.host, broker.port) as client:
            await make_topic(client, "pages", partitions=20)
        partitions = broker.services.partitions
        pages = [partitions.get("pages", index) for index in range(20)]

        async def append_to_all() -> None:
            for one in pages:
                await one.append(batch(b"x"), acks=ACKS_ALL, timeout_ms=60_000, now_ms=NOW_MS)

        await append_to_all()
        upkeep = Upkeep(BrokerConfig(), SystemClock(), (files, partitions._setup.logs), partitions)
        checkpoint = asyncio.ensure_future(upkeep.checkpoint())
        await asyncio.sleep(0)
        await pages[0].append(batch(b"y"), acks=ACKS_ALL, timeout_ms=60_000, now_ms=NOW_MS)

        assert not checkpoint.done()
        await checkpoint
        assert [one.log.recovery_point for one in pages[1:]] == [1] * 19
        (directory,) = partitions.workers
        written = files.open(f"{directory}/recovery-point-offset-checkpoint").read(0, 1 << 16)
        assert all(f"pages {index} 1\n".encode() in written for index in range(1, 20))


class SlowClock(ManualClock):
    """Each look at it takes a while."""

    def monotonic_ms(self) -> float:
        self.advance(50)
        return super().monotonic_ms()


async def test_looking_for_old_segments_takes_no_more_than_a_tenth_of_the_time() -> None:
    """The shortest interval is Kafka's, a millisecond; with many logs one look takes longer."""
    async with running_broker(Path("/data"), files=MemoryFiles()) as broker:
        partitions = broker.services.partitions
        config = BrokerConfig(log_retention_check_interval_ms=1)
        storage = (MemoryFiles(), partitions._setup.logs)
        upkeep = Upkeep(config, SlowClock(), storage, partitions)
        before = upkeep.retention_pause_ms()

        await upkeep.delete_old_segments()

    assert (before, upkeep.retention_pause_ms()) == (1, 450)
