from broker.errors import ErrorCode
from broker.protocol.messages.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
    OffsetDeleteResponse,
)
from tests.support.group_calls import commit, coordinated, join_consumer_group, settle
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.topic_calls import make_topic


async def delete(client: RawClient, topic: str = "pages") -> OffsetDeleteResponse:
    wanted = OffsetDeleteRequestTopic(topic, [OffsetDeleteRequestPartition(0)])
    return await client.ask(OffsetDeleteRequest("g", [wanted]), 0, OffsetDeleteResponse)


async def test_a_group_without_offsets_goes_with_the_next_look(
    client: RawClient, broker: RunningBroker
) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    await commit(client, 5)

    first = await delete(client)
    second = await delete(client)
    listed = [one.group_id for one in broker.services.groups.list_groups(["Empty"])]
    broker.services.groups.expire_offsets()
    third = await delete(client)

    assert [one.topics[0].partitions[0].error_code for one in (first, second)] == [0, 0]
    assert listed == ["g"]
    assert third.error_code == ErrorCode.GROUP_ID_NOT_FOUND


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
