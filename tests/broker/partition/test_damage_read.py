"""Damage in a finished segment that nobody met when the broker started: readers find it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from broker.errors import DamagedLog, ErrorCode
from broker.partition.damages import PLACES_MAX, Damages
from broker.protocol.messages import fetch
from tests.support.memory_files import MemoryFiles
from tests.support.promises import deleted_before
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.topic_calls import batch_of, fetch_request, make_topic, read, write

MAGIC = 16  # where the version of a batch stands in it


class Damaged:
    """Topic `pages`: two segments of a batch each, the first one damaged, and a broker over it."""

    def __init__(self, broker: RunningBroker, client: RawClient, files: MemoryFiles) -> None:
        self.broker, self.client, self._files = broker, client, files
        self.path = self.damage(0)

    def damage(self, base_offset: int) -> str:
        """Damages the segment that begins there; its file."""
        end = f"/pages-0/{base_offset:020}.log"
        (path,) = [name for name in self._files.paths() if name.endswith(end)]
        self._files.corrupt(path, MAGIC)
        return path

    async def code_at(self, offset: int) -> int:
        answer = await self.client.ask(fetch_request("pages", offset), 12, fetch.FetchResponse)
        return answer.responses[0].partitions[0].error_code

    async def health(self) -> tuple[int, str]:
        url = f"http://{self.broker.host}:{self.broker.metrics_port}/health"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, (await response.text()).strip()


def lines_of_damage(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was told to whoever looks after the broker."""
    critical = [record for record in caplog.records if record.levelname == "CRITICAL"]
    return [record.getMessage() for record in critical]


@pytest.fixture(params=["delete", "compact"])
async def damaged(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Damaged]:
    files = MemoryFiles()
    async with (
        running_broker(
            tmp_path,
            files=files,
            metrics_port=0,
            log_retention_check_interval_ms=50,
            log_cleaner_backoff_ms=50,
            log_segment_delete_delay_ms=0,
        ) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(
            client,
            "pages",
            internal_segment_bytes="100",
            retention_ms="-1",
            cleanup_policy=request.param,
            min_cleanable_dirty_ratio="0",
        )
        await write(client, "pages", batch_of(b"damaged" * 5, key=b"a"))
        damaged = Damaged(broker, client, files)
        await write(client, "pages", batch_of(b"sound" * 5, key=b"b"))
        yield damaged


async def test_only_who_reads_damage_is_refused_and_told_as_by_kafka(damaged: Damaged) -> None:
    """Apache Kafka's testDeleteRecordsAfterCorruptRecords; clients end loudly on this code."""
    refused = [await damaged.code_at(0), await damaged.code_at(0)]
    written = await write(damaged.client, "pages", batch_of(b"more", key=b"c"))

    assert refused == [ErrorCode.CORRUPT_MESSAGE, ErrorCode.CORRUPT_MESSAGE]
    assert (written.error_code, written.base_offset) == (ErrorCode.NONE, 2)
    assert await read(damaged.client, "pages", 1) == [b"sound" * 5]
    assert await damaged.health() == (503, "partitions damaged: pages-0")


async def test_damage_is_told_once(damaged: Damaged, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        await damaged.code_at(0)

    told = lines_of_damage(caplog)
    assert len(told) == 1
    assert f"{damaged.path} is damaged at byte 0: magic " in told[0]


async def test_readers_at_two_damaged_places_fill_no_log(
    damaged: Damaged, caplog: pytest.LogCaptureFixture
) -> None:
    await write(damaged.client, "pages", batch_of(b"newest" * 5, key=b"c"))
    second = damaged.damage(1)
    for offset in (0, 1) * 3:
        assert await damaged.code_at(offset) == ErrorCode.CORRUPT_MESSAGE

    told = lines_of_damage(caplog)
    assert len(told) == 2
    assert damaged.path in told[0]
    assert second in told[1]


def test_only_so_many_damaged_places_of_a_partition_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    met = Damages("pages-0")
    for position in range(PLACES_MAX + 50):
        met.met(DamagedLog("0.log", position, "crc does not match"))

    told = lines_of_damage(caplog)
    assert len(told) == PLACES_MAX + 1
    assert "no more are told" in told[-1]


@pytest.mark.parametrize("damaged", ["delete"], indirect=True)
async def test_records_deleted_up_to_the_damage_make_the_broker_healthy(damaged: Damaged) -> None:
    await damaged.code_at(0)

    deleted = await deleted_before(damaged.client, 1)
    while await damaged.health() != (200, "ok"):
        await asyncio.sleep(0.01)

    assert deleted == ErrorCode.NONE
    assert await read(damaged.client, "pages", 1) == [b"sound" * 5]
