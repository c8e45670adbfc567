from broker.errors import ErrorCode
from broker.protocol.messages.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
    OffsetDeleteResponse,
)
from tests.support.group_calls import commit, coordinated, join_consumer_group, settle
from tests.support.raw_client import RawClient
from tests.support.topic_calls import make_topic


async def delete(client: RawClient, topic: str = "pages") -> OffsetDeleteResponse:
    wanted = OffsetDeleteRequestTopic(topic, [OffsetDeleteRequestPartition(0)])
    return await client.ask(OffsetDeleteRequest("g", [wanted]), 0, OffsetDeleteResponse)


async def test_an_offset_is_forgotten(client: RawClient) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    await commit(client, 5)

    first = await delete(client)
    second = await delete(client)

    assert first.topics[0].partitions[0].error_code == ErrorCode.NONE
    assert second.error_code == ErrorCode.GROUP_ID_NOT_FOUND, "that was all the group was"


async def test_offsets_in_use_stay(client: RawClient) -> None:
    await make_topic(client, "pages")
    await make_topic(client, "unused")
    await coordinated(client)
    await join_consumer_group(client)

    used = await delete(client)
    unused = await delete(client, "unused")
    nowhere = await delete(client, "nowhere")

    errors = [r.topics[0].partitions[0].error_code for r in (used, unused, nowhere)]
    assert errors == [
        ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC,
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]


async def test_a_subscription_that_cannot_be_read_may_be_of_any_topic(client: RawClient) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    await settle(client)

    response = await delete(client)

    assert response.topics[0].partitions[0].error_code == ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC
