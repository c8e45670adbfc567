"""AddOffsetsToTxn over the wire."""

from pathlib import Path

from broker.errors import ErrorCode
from broker.metadata.records import OFFSETS_TOPIC
from broker.protocol.messages.add_offsets_to_txn import (
    AddOffsetsToTxnRequest,
    AddOffsetsToTxnResponse,
)
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.transactional import start_producer


async def test_the_offsets_partition_of_the_group_joins_the_transaction(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        producer = await start_producer(client, "shop")
        request = AddOffsetsToTxnRequest("shop", producer.id, producer.epoch, "readers")
        answer = await client.ask(request, 3, AddOffsetsToTxnResponse)
        index = broker.services.groups.coordinator_partition("readers")
        transaction = broker.services.transactions.describe("shop")

    assert answer.error_code == ErrorCode.NONE
    assert transaction.partitions == {(OFFSETS_TOPIC, index)}


async def test_somebody_elses_producer_id_is_refused(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        producer = await start_producer(client, "shop")
        request = AddOffsetsToTxnRequest("shop", producer.id + 1, producer.epoch, "readers")
        answer = await client.ask(request, 3, AddOffsetsToTxnResponse)

    assert answer.error_code == ErrorCode.INVALID_PRODUCER_ID_MAPPING
