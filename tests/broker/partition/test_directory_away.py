"""A log directory that goes away under a running broker: a disk is unplugged or unmounted."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from broker.clock import SystemClock
from broker.config import BrokerConfig
from broker.errors import ErrorCode
from broker.partition.upkeep import Upkeep
from broker.protocol.messages.describe_log_dirs import (
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    DescribeLogDirsResult,
)
from broker.storage.files import OsFiles
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.topic_calls import batch_of, make_topic, write


async def told(client: RawClient) -> dict[str, DescribeLogDirsResult]:
    """What the broker says of its log directories, by the last part of their paths."""
    response = await client.ask(DescribeLogDirsRequest(None), 4, DescribeLogDirsResponse)
    return {result.log_dir.rpartition("/")[2]: result for result in response.results}


def in_directory(broker: RunningBroker, path: Path) -> int:
    """A partition of topic pages that lies there."""
    partitions = broker.services.partitions
    worker = partitions.workers[str(path)]
    return next(index for index in range(2) if partitions.get("pages", index).worker is worker)


async def test_a_directory_that_goes_away_costs_its_partitions_and_nothing_else(
    tmp_path: Path,
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    async with (
        running_broker(
            tmp_path,
            log_dirs=(str(one), str(two)),
            log_flush_offset_checkpoint_interval_ms=50,
        ) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages", partitions=2)
        here, gone = in_directory(broker, one), in_directory(broker, two)
        await write(client, "pages", batch_of(b"a"), partition=here)
        await write(client, "pages", batch_of(b"b"), partition=gone)

        two.rename(tmp_path / "unplugged")
        at_once = await told(client)
        while broker.services.partitions.get("pages", gone).is_online:
            await asyncio.sleep(0.01)
        await make_topic(client, "later", partitions=4)
        later = await told(client)
        goes_on = await write(client, "pages", batch_of(b"c"), partition=here)
        refused = await write(client, "pages", batch_of(b"d"), partition=gone)

        assert at_once["two"].error_code == ErrorCode.KAFKA_STORAGE_ERROR
        assert (at_once["two"].total_bytes, at_once["two"].usable_bytes) == (-1, -1)
        assert later["two"].error_code == ErrorCode.KAFKA_STORAGE_ERROR
        assert later["one"].error_code == ErrorCode.NONE
        assert {topic.name: len(topic.partitions) for topic in later["one"].topics}["later"] == 4
        assert (goes_on.error_code, goes_on.base_offset) == (ErrorCode.NONE, 1)
        assert refused.error_code == ErrorCode.KAFKA_STORAGE_ERROR


async def test_no_step_of_upkeep_ends_the_broker_when_a_directory_is_away(tmp_path: Path) -> None:
    """Files are looked for in each directory every half minute: the broker ended there."""
    two = tmp_path / "two"
    async with (
        running_broker(tmp_path, log_dirs=(str(tmp_path / "one"), str(two))) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages", partitions=2)
        here, gone = in_directory(broker, tmp_path / "one"), in_directory(broker, two)

        partitions = broker.services.partitions
        storage = (OsFiles(), partitions._setup.logs)
        two.rename(tmp_path / "unplugged")
        await Upkeep(BrokerConfig(), SystemClock(), storage, partitions).remove_files()

        assert not broker.services.partitions.get("pages", gone).is_online
        assert broker.services.partitions.get("pages", here).is_online


async def test_a_directory_that_is_away_at_the_start_is_told(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    settings: dict[str, Any] = {"log_dirs": (str(one), str(two))}
    async with (
        running_broker(tmp_path, **settings) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages", partitions=2)
    identity = (two / "meta.properties").read_text().partition("directory.id=")[2].split()[0]

    two.rename(tmp_path / "unplugged")
    async with (
        running_broker(tmp_path, **settings) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        replaced = await told(client)
    shutil.rmtree(two)
    two.write_text("in the way")
    async with (
        running_broker(tmp_path, **settings) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        unusable = await told(client)

    codes = {name: result.error_code for name, result in replaced.items()}
    assert codes == {
        "one": ErrorCode.NONE,
        "two": ErrorCode.NONE,
        f"{identity} (away)": ErrorCode.KAFKA_STORAGE_ERROR,
    }
    assert unusable["two"].error_code == ErrorCode.KAFKA_STORAGE_ERROR
    assert unusable["one"].error_code == ErrorCode.NONE
