from pathlib import Path

from broker.errors import ErrorCode
from broker.protocol.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsPartitionResult,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopic,
)
from broker.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse
from broker.protocol.messages.fetch import FetchResponse
from tests.support.memory_files import MemoryFiles
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.topic_calls import batch_of, fetch_request, make_topic, write


async def deleted(client: RawClient, offset: int) -> DeleteRecordsPartitionResult:
    topic = DeleteRecordsTopic("pages", [DeleteRecordsPartition(0, offset)])
    response = await client.ask(DeleteRecordsRequest([topic], 1000), 2, DeleteRecordsResponse)
    return response.topics[0].partitions[0]


async def test_records_below_the_new_start_are_out_of_range(client: RawClient) -> None:
    await make_topic(client, "pages")
    for value in (b"a", b"b", b"c"):
        await write(client, "pages", batch_of(value))

    answer = await deleted(client, 2)

    response = await client.ask(fetch_request("pages", offset=1), 12, FetchResponse)
    assert (answer.error_code, answer.low_watermark) == (ErrorCode.NONE, 2)
    assert response.responses[0].partitions[0].error_code == ErrorCode.OFFSET_OUT_OF_RANGE


async def test_deleted_records_do_not_come_back_with_a_crash(tmp_path: Path) -> None:
    """Apache Kafka writes the new start down within a minute; privacy cannot wait for that."""
    files = MemoryFiles()
    async with (
        running_broker(tmp_path, files=files) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await write(client, "pages", batch_of(b"secret"))
        await write(client, "pages", batch_of(b"kept"))
        await deleted(client, 1)
        crashed = files.after_crash()

    async with running_broker(tmp_path, files=crashed) as broker:
        partition = broker.services.partitions.get("pages", 0)

        assert (partition.log_start_offset, partition.log_end_offset) == (1, 2)


async def test_on_a_full_disk_a_deletion_is_refused_and_can_be_asked_for_again(
    tmp_path: Path,
) -> None:
    files = MemoryFiles()
    async with (
        running_broker(tmp_path, files=files) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await write(client, "pages", batch_of(b"secret"))

        files.bytes_left = 0
        refused = await deleted(client, 1)
        begins_at = broker.services.partitions.get("pages", 0).log_start_offset
        files.bytes_left = 1 << 40
        again = await deleted(client, 1)

        assert (refused.error_code, refused.low_watermark) == (ErrorCode.KAFKA_STORAGE_ERROR, -1)
        assert begins_at == 0, "who saw the new start would see the old one again after a crash"
        assert (again.error_code, again.low_watermark) == (ErrorCode.NONE, 1)


async def test_a_topic_that_is_deleted_meanwhile_costs_the_others_nothing(
    client: RawClient, broker: RunningBroker
) -> None:
    for topic in ("pages", "gone"):
        await make_topic(client, topic)
        await write(client, topic, batch_of(b"a", b"b"))
    partitions = broker.services.partitions
    kept, gone = partitions.get("pages", 0), partitions.get("gone", 0)

    await client.ask(DeleteTopicsRequest([], ["gone"], 1000), 5, DeleteTopicsResponse)
    refusals = await partitions.delete_records_before({gone: 1, kept: 1})

    assert {one: refusal.code for one, refusal in refusals.items()} == {
        gone: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    }
    assert kept.log_start_offset == 1


async def test_minus_one_deletes_up_to_the_high_watermark(client: RawClient) -> None:
    await make_topic(client, "pages")
    await write(client, "pages", batch_of(b"a", b"b"))

    assert (await deleted(client, -1)).low_watermark == 2


async def test_above_the_high_watermark_is_out_of_range(client: RawClient) -> None:
    await make_topic(client, "pages")

    answer = await deleted(client, 1)

    assert (answer.error_code, answer.low_watermark) == (ErrorCode.OFFSET_OUT_OF_RANGE, -1)


async def test_a_compacted_topic_keeps_its_records(client: RawClient) -> None:
    await make_topic(client, "pages", cleanup_policy="compact")

    assert (await deleted(client, -1)).error_code == ErrorCode.POLICY_VIOLATION


async def test_of_two_wishes_for_a_partition_the_last_counts(client: RawClient) -> None:
    await make_topic(client, "pages")
    await write(client, "pages", batch_of(b"a"))
    wanted = [DeleteRecordsPartition(0, 9), DeleteRecordsPartition(0, 8)]
    topics = [
        DeleteRecordsTopic("pages", wanted),
        DeleteRecordsTopic("pages", [DeleteRecordsPartition(0, 1)]),
    ]

    response = await client.ask(DeleteRecordsRequest(topics, 1000), 2, DeleteRecordsResponse)

    (topic,) = response.topics
    (answer,) = topic.partitions
    assert (answer.error_code, answer.low_watermark) == (ErrorCode.NONE, 1)


async def test_records_of_internal_topics_stay(client: RawClient) -> None:
    await make_topic(client, "__consumer_offsets")
    wanted = DeleteRecordsTopic("__consumer_offsets", [DeleteRecordsPartition(0, 0)])

    response = await client.ask(DeleteRecordsRequest([wanted], 1000), 2, DeleteRecordsResponse)

    assert response.topics[0].partitions[0].error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
