"""EndTxn over the wire."""

from pathlib import Path

from broker.coordinator.transaction.transaction import Producer
from broker.errors import ErrorCode
from broker.protocol.messages.init_producer_id import (
    InitProducerIdRequest,
    InitProducerIdResponse,
)
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.transactional import add_partition, end, make_topic, start_producer


async def test_a_commit_keeps_the_identity_and_from_version_5_raises_the_epoch(
    tmp_path: Path,
) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "orders")
        producer = await start_producer(client, "shop")
        await add_partition(client, "shop", producer, "orders")
        first = await end(client, "shop", producer, commit=True)
        await add_partition(client, "shop", producer, "orders")
        second = await end(client, "shop", producer, commit=True, version=5)

    assert first.error_code == second.error_code == ErrorCode.NONE
    assert (second.producer_id, second.producer_epoch) == (producer.id, producer.epoch + 1)


async def test_an_end_is_over_when_it_is_answered(tmp_path: Path) -> None:
    """The next transaction starts at once, also one that is given up before it wrote anything."""
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "orders")
        producer = await start_producer(client, "shop")
        await add_partition(client, "shop", producer, "orders")
        first = await end(client, "shop", producer, commit=True, version=5)
        raised = Producer(first.producer_id, first.producer_epoch)
        nothing = await end(client, "shop", raised, commit=False, version=5)
        again = Producer(nothing.producer_id, nothing.producer_epoch)
        joined = await add_partition(client, "shop", again, "orders")

    assert (first.error_code, nothing.error_code, joined) == (ErrorCode.NONE,) * 3
    assert again == Producer(producer.id, producer.epoch + 2)


async def test_a_producer_that_never_saw_its_new_epoch_may_ask_again(tmp_path: Path) -> None:
    """InitProducerId repeated with the epoch before answers the same new one (KIP-360)."""
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        producer = await start_producer(client, "shop")
        request = InitProducerIdRequest("shop", 60_000, producer.id, producer.epoch)
        answers = [await client.ask(request, 4, InitProducerIdResponse) for _ in range(2)]

    assert [answer.error_code for answer in answers] == [ErrorCode.NONE] * 2
    assert {answer.producer_epoch for answer in answers} == {producer.epoch + 1}


async def test_a_fenced_producer_is_told_so_in_the_words_of_its_version(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "orders")
        old = await start_producer(client, "shop")
        await start_producer(client, "shop")
        answers = [
            await end(client, "shop", old, commit=True, version=version) for version in (1, 2)
        ]

    assert [answer.error_code for answer in answers] == [
        ErrorCode.INVALID_PRODUCER_EPOCH,
        ErrorCode.PRODUCER_FENCED,
    ]


async def test_an_unknown_transactional_id_has_no_producer(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        early = await end(client, "nobody", Producer(7, 0), commit=True)
        await start_producer(client, "shop")
        unknown = await end(client, "nobody", Producer(7, 0), commit=True)
        empty = await end(client, "", Producer(7, 0), commit=True)

    assert early.error_code == ErrorCode.NOT_COORDINATOR
    assert unknown.error_code == ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert empty.error_code == ErrorCode.INVALID_REQUEST
