"""The log of the cluster is no topic of a client: it holds secrets, and the broker lives by it."""

from broker.errors import ErrorCode
from broker.metadata.records import METADATA_TOPIC, METADATA_TOPIC_ID
from broker.protocol.messages import delete_records, list_offsets, produce
from broker.protocol.messages.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic
from tests.support.raw_client import RawClient
from tests.support.topic_calls import batch_of, fetch_request, write


async def test_nobody_writes_to_it(client: RawClient) -> None:
    by_name = await write(client, METADATA_TOPIC, batch_of(b"no record of the cluster"))
    data = produce.PartitionProduceData(0, memoryview(batch_of(b"nor this")))
    topic = produce.TopicProduceData(topic_id=METADATA_TOPIC_ID, partition_data=[data])
    request = produce.ProduceRequest(acks=-1, timeout_ms=1000, topic_data=[topic])
    by_id = await client.ask(request, 13, produce.ProduceResponse)

    assert by_name.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert by_id.responses[0].partition_responses[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID


async def test_nobody_reads_it(client: RawClient) -> None:
    by_name = await client.ask(fetch_request(METADATA_TOPIC), 12, FetchResponse)
    wanted = FetchTopic(topic_id=METADATA_TOPIC_ID, partitions=[FetchPartition(0, -1, 0, -1, 0, 9)])
    request = FetchRequest(max_wait_ms=0, min_bytes=1, topics=[wanted])
    by_id = await client.ask(request, 13, FetchResponse)

    told = [answer.responses[0].partitions[0] for answer in (by_name, by_id)]
    assert [(one.error_code, bytes(one.records)) for one in told] == [
        (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, b""),
        (ErrorCode.UNKNOWN_TOPIC_ID, b""),
    ]


async def test_nobody_asks_for_its_offsets_or_deletes_of_it(client: RawClient) -> None:
    topic = list_offsets.ListOffsetsTopic(
        METADATA_TOPIC, [list_offsets.ListOffsetsPartition(0, -1, -1)]
    )
    listed = await client.ask(
        list_offsets.ListOffsetsRequest(-1, 0, [topic]), 7, list_offsets.ListOffsetsResponse
    )
    records = delete_records.DeleteRecordsTopic(
        METADATA_TOPIC, [delete_records.DeleteRecordsPartition(0, -1)]
    )
    deleted = await client.ask(
        delete_records.DeleteRecordsRequest([records], 1000),
        2,
        delete_records.DeleteRecordsResponse,
    )

    codes = [listed.topics[0].partitions[0].error_code, deleted.topics[0].partitions[0].error_code]
    assert codes == [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION] * 2
