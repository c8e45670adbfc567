"""A transactional producer made of single requests, for tests that look at each answer."""

from broker.coordinator.transaction.transaction import Producer
from broker.errors import ErrorCode
from broker.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopic,
)
from broker.protocol.messages.create_topics import (
    CreatableTopic,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from broker.protocol.messages.end_txn import EndTxnRequest, EndTxnResponse
from broker.protocol.messages.find_coordinator import (
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)
from broker.protocol.messages.init_producer_id import (
    InitProducerIdRequest,
    InitProducerIdResponse,
)
from tests.support.raw_client import RawClient

TIMEOUT_MS = 60_000
FIRST_VERSION = 3  # of AddPartitionsToTxn and EndTxn: clients of transaction version 1


async def make_topic(client: RawClient, name: str, partitions: int = 1) -> None:
    """A topic that exists when this returns."""
    topic = CreatableTopic(name=name, num_partitions=partitions, replication_factor=1)
    request = CreateTopicsRequest(topics=[topic], timeout_ms=TIMEOUT_MS)
    answer = await client.ask(request, 7, CreateTopicsResponse)
    assert answer.topics[0].error_code == ErrorCode.NONE


async def find_coordinator(client: RawClient, transactional_id: str) -> None:
    """As every client does first: what transactions are kept in is made, if it is not there."""
    request = FindCoordinatorRequest(transactional_id, key_type=1)
    answer = await client.ask(request, 3, FindCoordinatorResponse)
    assert answer.error_code == ErrorCode.NONE


async def start_producer(client: RawClient, transactional_id: str) -> Producer:
    """InitProducerId, asked again while the transaction before is being ended."""
    await find_coordinator(client, transactional_id)
    request = InitProducerIdRequest(
        transactional_id=transactional_id,
        transaction_timeout_ms=TIMEOUT_MS,
        producer_id=-1,
        producer_epoch=-1,
    )
    answer = await client.ask(request, 4, InitProducerIdResponse)
    if answer.error_code == ErrorCode.CONCURRENT_TRANSACTIONS:
        answer = await client.ask(request, 4, InitProducerIdResponse)
    assert answer.error_code == ErrorCode.NONE
    return Producer(answer.producer_id, answer.producer_epoch)


async def add_partition(
    client: RawClient, transactional_id: str, producer: Producer, topic: str
) -> int:
    """Partition 0 of `topic` joins the transaction; the error code of the answer."""
    request = AddPartitionsToTxnRequest(
        v3_and_below_transactional_id=transactional_id,
        v3_and_below_producer_id=producer.id,
        v3_and_below_producer_epoch=producer.epoch,
        v3_and_below_topics=[AddPartitionsToTxnTopic(topic, [0])],
    )
    answer = await client.ask(request, FIRST_VERSION, AddPartitionsToTxnResponse)
    result = answer.results_by_topic_v3_and_below[0].results_by_partition[0]
    return result.partition_error_code


async def end(
    client: RawClient,
    transactional_id: str,
    producer: Producer,
    *,
    commit: bool,
    version: int = FIRST_VERSION,
) -> EndTxnResponse:
    """EndTxn and its whole answer."""
    request = EndTxnRequest(transactional_id, producer.id, producer.epoch, commit)
    return await client.ask(request, version, EndTxnResponse)
