from broker.errors import ErrorCode
from broker.protocol.messages.describe_producers import (
    DescribeProducersRequest,
    DescribeProducersResponse,
    TopicRequest,
)
from broker.records.batch import build_batch
from broker.records.record import Record
from tests.support.raw_client import RawClient
from tests.support.topic_calls import make_topic, write


async def test_a_producer_is_told_with_its_last_sequence(client: RawClient) -> None:
    await make_topic(client, "pages")
    batch = build_batch(
        [Record(0, 5000, None, b"a"), Record(0, 6000, None, b"b")],
        producer_id=77,
        producer_epoch=3,
        base_sequence=0,
    )
    await write(client, "pages", batch)

    response = await client.ask(
        DescribeProducersRequest(
            [TopicRequest("pages", [0, 1]), TopicRequest("none", [0]), TopicRequest("", [0])]
        ),
        0,
        DescribeProducersResponse,
    )

    known, unknown = response.topics[0].partitions
    (producer,) = known.active_producers
    assert (producer.producer_id, producer.producer_epoch) == (77, 3)
    assert (producer.last_sequence, producer.current_txn_start_offset) == (1, -1)
    (nowhere,) = response.topics[1].partitions
    assert unknown.error_code == nowhere.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert unknown.error_message is None
    (nameless,) = response.topics[2].partitions
    assert nameless.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
    assert nowhere.error_message == "This server does not host this topic-partition."
