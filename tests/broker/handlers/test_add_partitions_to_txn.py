"""AddPartitionsToTxn over the wire, for clients and for brokers."""

from pathlib import Path

from broker.errors import ErrorCode
from broker.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopic,
    AddPartitionsToTxnTransaction,
)
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.transactional import add_partition, make_topic, start_producer


async def test_one_unknown_partition_keeps_all_the_others_out(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "orders", partitions=2)
        producer = await start_producer(client, "shop")
        request = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id="shop",
            v3_and_below_producer_id=producer.id,
            v3_and_below_producer_epoch=producer.epoch,
            v3_and_below_topics=[AddPartitionsToTxnTopic("orders", [0, 1, 2])],
        )
        answer = await client.ask(request, 3, AddPartitionsToTxnResponse)

    results = answer.results_by_topic_v3_and_below[0].results_by_partition
    assert [each.partition_error_code for each in results] == [
        ErrorCode.OPERATION_NOT_ATTEMPTED,
        ErrorCode.OPERATION_NOT_ATTEMPTED,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]


async def test_a_broker_can_ask_whether_a_partition_is_in_a_transaction(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "orders", partitions=2)
        producer = await start_producer(client, "shop")
        await add_partition(client, "shop", producer, "orders")
        question = AddPartitionsToTxnTransaction(
            "shop", producer.id, producer.epoch, True, [AddPartitionsToTxnTopic("orders", [0, 1])]
        )
        request = AddPartitionsToTxnRequest(transactions=[question])
        answer = await client.ask(request, 5, AddPartitionsToTxnResponse)

    results = answer.results_by_transaction[0].topic_results[0].results_by_partition
    assert [each.partition_error_code for each in results] == [
        ErrorCode.NONE,
        ErrorCode.TRANSACTION_ABORTABLE,
    ]


async def test_a_fenced_producer_adds_nothing(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "orders")
        old = await start_producer(client, "shop")
        await start_producer(client, "shop")

        code = await add_partition(client, "shop", old, "orders")

    assert code == ErrorCode.PRODUCER_FENCED
