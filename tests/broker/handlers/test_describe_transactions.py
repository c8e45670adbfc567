"""DescribeTransactions over the wire."""

from pathlib import Path

from broker.errors import ErrorCode
from broker.protocol.messages.describe_transactions import (
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
    TopicData,
)
from tests.support.manual_clock import ManualClock
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.transactional import TIMEOUT_MS, add_partition, make_topic, start_producer


async def test_an_open_transaction_is_told_with_its_partitions(tmp_path: Path) -> None:
    clock = ManualClock()
    async with (
        running_broker(tmp_path, clock) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "orders")
        producer = await start_producer(client, "shop")
        await add_partition(client, "shop", producer, "orders")
        request = DescribeTransactionsRequest(["shop", "nobody"])
        answer = await client.ask(request, 0, DescribeTransactionsResponse)

    known, unknown = answer.transaction_states
    assert known.transaction_state == "Ongoing"
    assert known.topics == [TopicData("orders", [0])]
    assert (known.producer_id, known.producer_epoch) == (producer.id, producer.epoch)
    assert known.transaction_timeout_ms == TIMEOUT_MS
    assert known.transaction_start_time_ms == clock.now_ms()
    assert unknown.error_code == ErrorCode.TRANSACTIONAL_ID_NOT_FOUND


async def test_before_the_first_transaction_there_is_no_coordinator(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        request = DescribeTransactionsRequest(["shop"])
        answer = await client.ask(request, 0, DescribeTransactionsResponse)

    assert answer.transaction_states[0].error_code == ErrorCode.NOT_COORDINATOR
