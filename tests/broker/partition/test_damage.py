"""A disk that is full or fails, under a running broker."""

import asyncio
from pathlib import Path

import pytest

from broker.coordinator.cluster import Cluster
from broker.errors import ErrorCode, KafkaError
from broker.metadata.controller import TopicSpec
from broker.protocol.messages.describe_topic_partitions import (
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    TopicRequest,
)
from broker.protocol.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
)
from tests.support.memory_files import MemoryFiles
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.topic_calls import batch_of, make_topic, read, write

PLENTY = 1 << 40


async def created(cluster: Cluster, name: str) -> ErrorCode:
    try:
        (result,) = await cluster.create_topics([TopicSpec(name)])
    except KafkaError as refusal:
        return refusal.code
    return result.code if isinstance(result, KafkaError) else ErrorCode.NONE


async def test_on_a_full_disk_reads_go_on_and_writes_go_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    files = MemoryFiles()
    async with (
        running_broker(tmp_path, files=files) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await write(client, "pages", batch_of(b"before"))

        files.bytes_left = 10
        refused = await write(client, "pages", batch_of(b"no room"))
        still_there = await read(client, "pages")
        files.bytes_left = PLENTY
        after = await write(client, "pages", batch_of(b"after"))

        assert refused.error_code == ErrorCode.KAFKA_STORAGE_ERROR
        assert still_there == [b"before"]
        assert (after.error_code, after.base_offset) == (ErrorCode.NONE, 1)
        assert await read(client, "pages") == [b"before", b"after"]


async def test_a_full_disk_is_told_once_a_partition_and_so_is_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    files = MemoryFiles()
    async with (
        running_broker(tmp_path, files=files) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        for _ in range(2):
            files.bytes_left = 10
            for _ in range(3):
                await write(client, "pages", batch_of(b"no room"))
            files.bytes_left = PLENTY
            for _ in range(3):
                await write(client, "pages", batch_of(b"after"))

    told = [one.message.split()[:2] for one in caplog.records if "topic=pages" in one.message]
    assert [words for words in told if words[0] == "writes"] == [
        ["writes", "refused:"],
        ["writes", "go"],
    ] * 2


async def test_the_cluster_log_recovers_from_a_full_disk_by_itself(tmp_path: Path) -> None:
    files = MemoryFiles()
    async with running_broker(tmp_path, files=files) as broker:
        cluster = broker.services.cluster

        files.bytes_left = 10
        refused = await created(cluster, "a")
        files.bytes_left = PLENTY
        first, again = await created(cluster, "a"), await created(cluster, "a")

        assert refused is ErrorCode.KAFKA_STORAGE_ERROR
        assert (first, again) == (ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS)
        assert cluster.image.topics.keys() == {"a"}


async def test_a_full_directory_costs_no_other_its_checkpoint(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files, directories = MemoryFiles(), ("/one", "/two")
    async with (
        running_broker(
            tmp_path,
            files=files,
            log_dirs=directories,
            log_flush_offset_checkpoint_interval_ms=100,
        ) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages", partitions=2)
        partitions = broker.services.partitions
        by_worker = {partitions.get("pages", index).worker: index for index in range(2)}
        files.full_directory, healthy = directories
        index = by_worker[partitions.workers[healthy]]

        written = await write(client, "pages", batch_of(b"a"), partition=index)
        checkpoint = f"{healthy}/recovery-point-offset-checkpoint"
        while f"pages {index} 1\n" not in contents(files, checkpoint):
            await asyncio.sleep(0.01)

        assert written.error_code == ErrorCode.NONE
        assert [record.message for record in caplog.records if record.exc_info] == []


def contents(files: MemoryFiles, path: str) -> str:
    return files.contents(path).decode() if files.exists(path) else ""


async def test_a_failed_sync_takes_the_directory_offline_for_good(tmp_path: Path) -> None:
    files = MemoryFiles()
    async with (
        running_broker(tmp_path, files=files) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages", partitions=2)
        await write(client, "pages", batch_of(b"safe"))

        files.fail_sync = files.syncs + 1
        lost = await write(client, "pages", batch_of(b"lost"))
        later = await write(client, "pages", batch_of(b"later"), partition=1)

        assert lost.error_code == later.error_code == ErrorCode.KAFKA_STORAGE_ERROR
        assert not any(partition.is_online for partition in broker.services.partitions.all())


async def test_partitions_of_a_failed_disk_have_no_leader(
    tmp_path: Path,
) -> None:
    """As in Apache Kafka: tools and dashboards that ask any broker see what nobody can read."""
    files = MemoryFiles()
    async with (
        running_broker(tmp_path, files=files) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        before = await leaders(client, "pages")

        files.fail_sync = files.syncs + 1
        await write(client, "pages", batch_of(b"lost"))
        after = await leaders(client, "pages")

        assert before == [(ErrorCode.NONE, 1, []), (ErrorCode.NONE, 1, [])]
        assert after == [(ErrorCode.LEADER_NOT_AVAILABLE, -1, [1]), (ErrorCode.NONE, -1, [1])]
        assert ("pages", 0) in broker.services.partitions.offline


async def leaders(client: RawClient, topic: str) -> list[tuple[int, int, list[int]]]:
    """Error, leader and offline replicas of its partition, by each API that tells them."""
    told = await client.ask(
        MetadataRequest(topics=[MetadataRequestTopic(name=topic)]), 12, MetadataResponse
    )
    described = await client.ask(
        DescribeTopicPartitionsRequest(topics=[TopicRequest(topic)]),
        0,
        DescribeTopicPartitionsResponse,
    )
    return [
        (part.error_code, part.leader_id, part.offline_replicas)
        for part in (told.topics[0].partitions[0], described.topics[0].partitions[0])
    ]


async def test_damage_in_the_middle_costs_one_partition_loudly_and_the_way_out_is_a_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """docs/runbooks/KafkaPartitionOffline.md: cut the file at the byte that the log names."""
    files = MemoryFiles()
    async with (
        running_broker(tmp_path, files=files) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await make_topic(client, "other")
        for number in range(6):
            await write(client, "pages", batch_of(b"page %d" % number))
        await write(client, "other", batch_of(b"fine"))
        killed = files.after_crash(unsynced_bytes_lost=0, names_lost=False)
    (path,) = [name for name in killed.paths() if name.endswith("/pages-0/" + "0" * 20 + ".log")]
    batch_bytes = len(killed.contents(path)) // 6
    killed.corrupt(path, batch_bytes * 4 + 50)

    async with (
        running_broker(tmp_path, files=killed) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        refused = await write(client, "pages", batch_of(b"more"))
        others = await read(client, "other")
        missing = {key: str(why) for key, why in broker.services.partitions.missing.items()}
        damaged = killed.after_crash(unsynced_bytes_lost=0, names_lost=False)
    damaged.open(path).truncate(batch_bytes * 4)
    async with (
        running_broker(tmp_path, files=damaged) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        mended = await read(client, "pages")
        goes_on = await write(client, "pages", batch_of(b"more"))

    told = f"{path} is damaged at byte {batch_bytes * 4}: crc does not match"
    assert refused.error_code == ErrorCode.KAFKA_STORAGE_ERROR
    assert others == [b"fine"]
    assert list(missing) == [("pages", 0)]
    assert told in missing["pages", 0]
    assert [r.levelname for r in caplog.records if told in r.getMessage()] == ["CRITICAL"]
    assert mended == [b"page 0", b"page 1", b"page 2", b"page 3"]
    assert (goes_on.error_code, goes_on.base_offset) == (ErrorCode.NONE, 4)
