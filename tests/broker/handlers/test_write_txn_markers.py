"""WriteTxnMarkers over the wire: how an administrator ends a transaction that hangs."""

from pathlib import Path

import pytest

from broker.coordinator.transaction.transaction import Producer
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
        await _write(client, producer)
        partition = broker.services.partitions.get("orders", 0)
        stable_before = partition.last_stable_offset
        topics = [WritableTxnMarkerTopic("orders", [0]), WritableTxnMarkerTopic("missing", [0])]
        marker = WritableTxnMarker(producer.id, producer.epoch, False, topics)
        answer = await client.ask(WriteTxnMarkersRequest([marker]), 1, WriteTxnMarkersResponse)
        stable_after = partition.last_stable_offset

    known, unknown = answer.markers[0].topics
    assert known.partitions[0].error_code == ErrorCode.NONE
    assert unknown.partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert (stable_before, stable_after) == (0, 2)


async def test_a_marker_of_version_2_ends_an_open_transaction_with_the_next_epoch_only(
    client: RawClient,
) -> None:
    """As in Apache Kafka 4.2 (KIP-1228); a second marker of that epoch changes nothing."""
    await make_topic(client, "orders")
    producer = await start_producer(client, "shop")
    await add_partition(client, "shop", producer, "orders")
    await _write(client, producer)

    codes = [
        await _marked(client, producer.id, producer.epoch + raised, version)
        for raised, version in ((0, 2), (1, 2), (1, 2), (0, 2))
    ]

    fenced = ErrorCode.INVALID_PRODUCER_EPOCH
    assert codes == [fenced, ErrorCode.NONE, ErrorCode.NONE, fenced]


async def _write(client: RawClient, producer: Producer) -> None:
    batch = build_batch(
        [Record(0, 1_700_000_000_000, None, b"hangs")],
        producer_id=producer.id,
        producer_epoch=producer.epoch,
        base_sequence=0,
        transactional=True,
    )
    data = TopicProduceData(name="orders", partition_data=[PartitionProduceData(0, batch)])
    request = ProduceRequest(transactional_id="shop", acks=-1, timeout_ms=5000, topic_data=[data])
    answer = await client.ask(request, 11, ProduceResponse)
    assert answer.responses[0].partition_responses[0].error_code == ErrorCode.NONE


async def _marked(client: RawClient, producer_id: int, epoch: int, version: int) -> int:
    topics = [WritableTxnMarkerTopic("orders", [0])]
    marker = WritableTxnMarker(producer_id, epoch, False, topics, transaction_version=version)
    answer = await client.ask(WriteTxnMarkersRequest([marker]), 2, WriteTxnMarkersResponse)
    return answer.markers[0].topics[0].partitions[0].error_code


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
