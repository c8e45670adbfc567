import asyncio

import pytest

from broker.coordinator.transaction.transaction import Producer
from broker.errors import ErrorCode
from broker.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestTopic,
    OffsetFetchResponse,
)
from broker.protocol.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitRequestTopic,
    TxnOffsetCommitResponse,
)
from tests.support.group_calls import coordinated, join_consumer_group, settle
from tests.support.raw_client import RawClient
from tests.support.topic_calls import make_topic
from tests.support.transactional import end, start_producer


async def commit(
    client: RawClient,
    producer: Producer,
    version: int = 5,
    generation: int = -1,
    member_id: str = "",
    *,
    transactional_id: str = "shop",
) -> int:
    """Commit offset 7 of pages-0 in the transaction of `producer`; the outcome."""
    topic = TxnOffsetCommitRequestTopic("pages", [TxnOffsetCommitRequestPartition(0, 7, -1, "n")])
    request = TxnOffsetCommitRequest(
        transactional_id,
        "g",
        producer.id,
        producer.epoch,
        generation,
        member_id,
        topics=[topic],
    )
    response = await client.ask(request, version, TxnOffsetCommitResponse)
    return response.topics[0].partitions[0].error_code


async def fetched(client: RawClient, *, stable: bool) -> tuple[int, int]:
    """(error, offset) of pages-0."""
    wanted = OffsetFetchRequest("g", [OffsetFetchRequestTopic("pages", [0])], require_stable=stable)
    response = await client.ask(wanted, 7, OffsetFetchResponse)
    (partition,) = response.topics[0].partitions
    return partition.error_code, partition.committed_offset


async def until_stable(client: RawClient) -> int:
    """The committed offset once no transaction may change it: markers are written after EndTxn."""
    while (answer := await fetched(client, stable=True))[0] != ErrorCode.NONE:
        await asyncio.sleep(0)
    return answer[1]


@pytest.mark.parametrize("committed", [True, False])
async def test_offsets_count_when_their_transaction_commits(
    client: RawClient, committed: bool
) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    producer = await start_producer(client, "shop")

    outcome = await commit(client, producer)
    open_stable = await fetched(client, stable=True)
    open_plain = await fetched(client, stable=False)
    await end(client, "shop", producer, commit=committed, version=5)

    assert outcome == ErrorCode.NONE
    assert open_stable == (ErrorCode.UNSTABLE_OFFSET_COMMIT, -1)
    assert open_plain == (ErrorCode.NONE, -1)
    assert await until_stable(client) == (7 if committed else -1)


async def test_before_v5_the_partition_must_be_in_the_transaction_already(
    client: RawClient,
) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    producer = await start_producer(client, "shop")

    outcomes = [await commit(client, producer, version=version) for version in (3, 4)]

    assert outcomes == [ErrorCode.INVALID_TXN_STATE, ErrorCode.TRANSACTION_ABORTABLE]


async def test_a_stranger_to_the_group_or_the_transaction_is_refused(client: RawClient) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    producer = await start_producer(client, "shop")
    await settle(client)

    wrong_producer = await commit(client, Producer(producer.id + 1, 0))
    wrong_member = await commit(client, producer, generation=1)

    assert wrong_producer == ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert wrong_member == ErrorCode.UNKNOWN_MEMBER_ID


async def test_an_epoch_of_the_past_is_told_in_the_words_of_this_path(client: RawClient) -> None:
    """Apache Kafka's TxnOffsetCommitRequestTest: neither PRODUCER_FENCED nor STALE_MEMBER_EPOCH."""
    await make_topic(client, "pages")
    await coordinated(client)
    producer = await start_producer(client, "shop")
    newer = await start_producer(client, "shop")
    joined = await join_consumer_group(client)

    fenced = await commit(client, producer)
    stale = await commit(client, newer, generation=joined.member_epoch + 1, member_id="member")

    assert newer.epoch > producer.epoch
    assert fenced == ErrorCode.INVALID_PRODUCER_EPOCH
    assert stale == ErrorCode.ILLEGAL_GENERATION


async def test_a_fenced_producer_is_told_so_before_its_transaction_is_looked_for(
    client: RawClient,
) -> None:
    """Apache Kafka 4.2: the partition knows a newer epoch, so whose id it is matters no more."""
    await make_topic(client, "pages")
    await coordinated(client)
    producer = await start_producer(client, "shop")
    newer = await start_producer(client, "shop")
    assert await commit(client, newer) == ErrorCode.NONE

    fenced = await commit(client, producer, transactional_id="nobody")
    unknown = await commit(client, newer, transactional_id="nobody")

    assert fenced == ErrorCode.INVALID_PRODUCER_EPOCH
    assert unknown == ErrorCode.INVALID_PRODUCER_ID_MAPPING
