from broker.errors import ErrorCode
from broker.protocol.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsPartitionResult,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopic,
)
from broker.protocol.messages.fetch import FetchResponse
from tests.support.raw_client import RawClient
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
