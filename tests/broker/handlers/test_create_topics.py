import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.create_topics import (
    CreatableReplicaAssignment,
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from broker.protocol.messages.metadata import MetadataRequest, MetadataResponse
from tests.support.raw_client import RawClient
from tests.support.topic_calls import make_topic


async def created(client: RawClient, *topics: CreatableTopic) -> list[ErrorCode]:
    request = CreateTopicsRequest(list(topics))
    response = await client.ask(request, 7, CreateTopicsResponse)
    return [ErrorCode(topic.error_code) for topic in response.topics]


async def test_the_answer_tells_counts_id_and_settings(client: RawClient) -> None:
    made = await make_topic(client, "pages", partitions=3, retention_ms="1000")

    settings = {config.name: config for config in made.configs or []}
    assert (made.num_partitions, made.replication_factor) == (3, 1)
    assert made.topic_id != bytes(16)
    assert (settings["retention.ms"].value, settings["retention.ms"].config_source) == ("1000", 1)
    assert (settings["segment.bytes"].value, settings["segment.bytes"].config_source) == (
        "1073741824",
        5,
    )


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        (CreatableTopic("there", 1, 1), ErrorCode.TOPIC_ALREADY_EXISTS),
        (CreatableTopic("a b", 1, 1), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (CreatableTopic("..", 1, 1), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (CreatableTopic("new", 0, 1), ErrorCode.INVALID_PARTITIONS),
        (CreatableTopic("new", 1, 2), ErrorCode.INVALID_REPLICATION_FACTOR),
        (CreatableTopic("new", 1, 0), ErrorCode.INVALID_REPLICATION_FACTOR),
        (
            CreatableTopic("new", 1, 1, [], [CreatableTopicConfig("no.such", "1")]),
            ErrorCode.INVALID_CONFIG,
        ),
        (
            CreatableTopic("new", 1, 1, [], [CreatableTopicConfig("retention.ms", "soon")]),
            ErrorCode.INVALID_CONFIG,
        ),
        (
            CreatableTopic("new", -1, -1, [CreatableReplicaAssignment(0, [9])]),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        ),
        (
            CreatableTopic("new", 2, 1, [CreatableReplicaAssignment(0, [1])]),
            ErrorCode.INVALID_REQUEST,
        ),
    ],
)
async def test_what_cannot_be_is_refused_with_kafkas_code(
    client: RawClient, topic: CreatableTopic, code: ErrorCode
) -> None:
    await make_topic(client, "there")

    assert await created(client, topic) == [code]


async def test_names_that_differ_only_in_dot_and_underscore_collide(client: RawClient) -> None:
    await make_topic(client, "page.views")

    assert await created(client, CreatableTopic("page_views", 1, 1)) == [
        ErrorCode.INVALID_TOPIC_EXCEPTION
    ]


async def test_names_of_one_request_do_not_collide_with_each_other(client: RawClient) -> None:
    """Apache Kafka 4.2 compares them with the topics that were there before."""
    wanted = [CreatableTopic(name, 1, 1) for name in ("page.views", "page_views")]

    assert await created(client, *wanted) == [ErrorCode.NONE, ErrorCode.NONE]


async def test_one_refusal_does_not_hold_back_the_others(client: RawClient) -> None:
    codes = await created(
        client, CreatableTopic("a", 1, 1), CreatableTopic("?", 1, 1), CreatableTopic("b", -1, -1)
    )

    assert codes == [ErrorCode.NONE, ErrorCode.INVALID_TOPIC_EXCEPTION, ErrorCode.NONE]


async def test_a_name_given_twice_is_refused(client: RawClient) -> None:
    codes = await created(client, CreatableTopic("a", 1, 1), CreatableTopic("a", 2, 1))

    assert codes == [ErrorCode.INVALID_REQUEST]


async def test_validate_only_creates_nothing(client: RawClient) -> None:
    request = CreateTopicsRequest([CreatableTopic("pages", 1, 1)], validate_only=True)

    response = await client.ask(request, 7, CreateTopicsResponse)
    metadata = await client.ask(MetadataRequest(topics=None), 9, MetadataResponse)

    assert response.topics[0].error_code == ErrorCode.NONE
    assert metadata.topics == []
