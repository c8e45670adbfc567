"""WriteTxnMarkers over the wire: how an administrator ends a transaction that hangs."""

from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from broker.protocol.messages.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerTopic,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)
from broker.records.batch import build_batch
from broker.records.record import Record
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.transactional import add_partition, make_topic, start_producer


async def test_an_abort_lets_readers_of_committed_records_pass(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "orders")
        producer = await start_producer(client, "shop")
        await add_partition(client, "shop", producer, "orders")
        batch = build_batch(
            [Record(0, 1_700_000_000_000, None, b"hangs")],
            producer_id=producer.id,
            producer_epoch=producer.epoch,
            base_sequence=0,
            transactional=True,
        )
        data = TopicProduceData(name="orders", partition_data=[PartitionProduceData(0, batch)])
        produce = ProduceRequest(
            transactional_id="shop", acks=-1, timeout_ms=5000, topic_data=[data]
        )
        written = await client.ask(produce, 11, ProduceResponse)
        partition = broker.services.partitions.get("orders", 0)
        stable_before = partition.last_stable_offset
        topics = [WritableTxnMarkerTopic("orders", [0]), WritableTxnMarkerTopic("missing", [0])]
        marker = WritableTxnMarker(producer.id, producer.epoch, False, topics)
        answer = await client.ask(WriteTxnMarkersRequest([marker]), 1, WriteTxnMarkersResponse)
        stable_after = partition.last_stable_offset

    assert written.responses[0].partition_responses[0].error_code == ErrorCode.NONE
    known, unknown = answer.markers[0].topics
    assert known.partitions[0].error_code == ErrorCode.NONE
    assert unknown.partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert (stable_before, stable_after) == (0, 2)


@pytest.mark.parametrize(("producer_id", "epoch", "version"), [(-1, 0, 0), (7, -1, 0), (7, 0, -1)])
async def test_nobody_ends_what_no_producer_began(
    client: RawClient, producer_id: int, epoch: int, version: int
) -> None:
    """Apache Kafka 4.2 fails to make such a marker, answers so, and stores nothing."""
    await make_topic(client, "orders")
    topics = [WritableTxnMarkerTopic("orders", [0]), WritableTxnMarkerTopic("missing", [0])]
    marker = WritableTxnMarker(producer_id, epoch, False, topics, transaction_version=version)

    answer = await client.ask(WriteTxnMarkersRequest([marker]), 2, WriteTxnMarkersResponse)

    here, missing = (topic.partitions[0].error_code for topic in answer.markers[0].topics)
    assert here == ErrorCode.UNKNOWN_SERVER_ERROR
    assert missing == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
