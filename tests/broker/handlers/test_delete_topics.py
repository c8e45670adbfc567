from broker.errors import ErrorCode
from broker.protocol.messages.delete_topics import (
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
)
from broker.protocol.messages.find_coordinator import (
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)
from tests.support.raw_client import RawClient
from tests.support.topic_calls import batch_of, make_topic, read, write


async def test_a_topic_made_again_is_empty_and_has_another_id(client: RawClient) -> None:
    before = await make_topic(client, "pages")
    await write(client, "pages", batch_of(b"old"))

    response = await client.ask(
        DeleteTopicsRequest(topic_names=["pages"], timeout_ms=1000), 5, DeleteTopicsResponse
    )
    gone = await write(client, "pages", batch_of(b"lost"))
    after = await make_topic(client, "pages")

    assert [result.error_code for result in response.responses] == [ErrorCode.NONE]
    assert gone.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert after.topic_id != before.topic_id
    assert await read(client, "pages") == []


async def test_topics_are_deleted_by_id_from_v6_on(client: RawClient) -> None:
    made = await make_topic(client, "pages")
    states = [DeleteTopicState(None, made.topic_id), DeleteTopicState(None, b"?" * 16)]

    response = await client.ask(
        DeleteTopicsRequest(topics=states, timeout_ms=1000), 6, DeleteTopicsResponse
    )

    assert [(result.error_code, result.name) for result in response.responses] == [
        (ErrorCode.NONE, "pages"),
        (ErrorCode.UNKNOWN_TOPIC_ID, None),
    ]


async def test_unknown_topics_are_refused_and_internal_ones_are_not(client: RawClient) -> None:
    await client.ask(FindCoordinatorRequest(key="group"), 2, FindCoordinatorResponse)

    response = await client.ask(
        DeleteTopicsRequest(topic_names=["nowhere", "__consumer_offsets"], timeout_ms=1000),
        5,
        DeleteTopicsResponse,
    )

    assert {result.name: result.error_code for result in response.responses} == {
        "nowhere": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        "__consumer_offsets": ErrorCode.NONE,
    }
