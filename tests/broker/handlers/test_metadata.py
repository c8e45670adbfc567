import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
)
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.topic_calls import batch_of, make_topic, write


def asking_for(*names: str, create: bool = True) -> MetadataRequest:
    topics = [MetadataRequestTopic(name=name) for name in names]
    return MetadataRequest(topics=topics, allow_auto_topic_creation=create)


async def test_a_topic_asked_for_by_name_is_made_and_there_when_asked_again(
    client: RawClient,
) -> None:
    """As Apache Kafka 4.2; kafka-go looks whether a deleted topic is gone by asking for it."""
    first = await client.ask(asking_for("pages"), 9, MetadataResponse)
    again = await client.ask(asking_for("pages"), 9, MetadataResponse)

    codes = [(topic.error_code, topic.partitions) for topic in first.topics]
    assert codes == [(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, [])]
    (topic,) = again.topics
    assert (topic.error_code, topic.name, len(topic.partitions)) == (ErrorCode.NONE, "pages", 1)
    assert (await write(client, "pages", batch_of(b"a"))).error_code == ErrorCode.NONE


@pytest.mark.parametrize(
    ("name", "create", "code"),
    [
        ("pages", False, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("a/b", True, ErrorCode.INVALID_TOPIC_EXCEPTION),
        ("", True, ErrorCode.INVALID_TOPIC_EXCEPTION),
        ("x" * 250, True, ErrorCode.INVALID_TOPIC_EXCEPTION),
    ],
)
async def test_a_topic_that_cannot_be_or_must_not_be_made_is_refused(
    client: RawClient, name: str, create: bool, code: ErrorCode
) -> None:
    response = await client.ask(asking_for(name, create=create), 9, MetadataResponse)

    assert [(topic.error_code, topic.partitions) for topic in response.topics] == [(code, [])]


@pytest.mark.parametrize("version", [10, 11])
@pytest.mark.parametrize("name", [None, "pages"])
async def test_ids_are_refused_in_versions_that_cannot_ask_by_them(
    client: RawClient, version: int, name: str | None
) -> None:
    """Seen on Apache Kafka 4.1.1; v10 and v11 cannot answer a null name either."""
    wanted = MetadataRequestTopic(topic_id=b"i" * 16, name=name)

    response = await client.ask(MetadataRequest(topics=[wanted]), version, MetadataResponse)

    (topic,) = response.topics
    assert (topic.error_code, topic.name) == (ErrorCode.INVALID_REQUEST, name or "")
    assert (topic.topic_id, response.brokers, response.controller_id) == (b"i" * 16, [], -1)


async def test_null_means_all_topics_and_an_empty_list_none(client: RawClient) -> None:
    await make_topic(client, "a")
    await make_topic(client, "b")

    all_topics = await client.ask(MetadataRequest(topics=None), 9, MetadataResponse)
    none = await client.ask(MetadataRequest(topics=[]), 9, MetadataResponse)
    all_in_v0 = await client.ask(MetadataRequest(topics=[]), 0, MetadataResponse)

    assert [topic.name for topic in all_topics.topics] == ["a", "b"]
    assert none.topics == []
    assert [topic.name for topic in all_in_v0.topics] == ["a", "b"]


async def test_the_broker_tells_the_address_it_was_asked_at(
    client: RawClient, broker: RunningBroker
) -> None:
    response = await client.ask(MetadataRequest(topics=[]), 12, MetadataResponse)

    (node,) = response.brokers
    assert (node.node_id, node.host, node.port) == (1, broker.host, broker.port)
    assert response.controller_id == 1
    assert len(response.cluster_id or "") == 22


async def test_topics_are_found_by_id_from_v12_on(client: RawClient) -> None:
    topic_id = (await make_topic(client, "pages")).topic_id
    topics = [
        MetadataRequestTopic(topic_id=topic_id, name=None),
        MetadataRequestTopic(topic_id=b"?" * 16, name=None),
    ]

    response = await client.ask(MetadataRequest(topics=topics), 12, MetadataResponse)

    assert [(topic.error_code, topic.name) for topic in response.topics] == [
        (ErrorCode.UNKNOWN_TOPIC_ID, None),  # first, as in Apache Kafka
        (ErrorCode.NONE, "pages"),
    ]


async def test_beside_an_id_names_are_left_out(client: RawClient) -> None:
    """As in Apache Kafka 4.2, which looks for names only where no id is asked for."""
    topic_id = (await make_topic(client, "pages")).topic_id
    await make_topic(client, "visits")
    topics = [
        MetadataRequestTopic(name="visits"),
        MetadataRequestTopic(topic_id=topic_id, name="visits"),
    ]

    response = await client.ask(MetadataRequest(topics=topics), 12, MetadataResponse)

    assert [topic.name for topic in response.topics] == ["pages"]


async def test_a_topic_with_neither_name_nor_id_costs_the_whole_request(client: RawClient) -> None:
    """As in Apache Kafka 4.2."""
    await make_topic(client, "pages")
    topics = [MetadataRequestTopic(name="pages"), MetadataRequestTopic(name=None)]

    response = await client.ask(MetadataRequest(topics=topics), 12, MetadataResponse)

    refused = ErrorCode.UNKNOWN_SERVER_ERROR
    assert [(one.error_code, one.name) for one in response.topics] == [
        (refused, "pages"),
        (refused, ""),
    ]


async def test_three_bytes_left_over_after_the_request_do_no_harm(client: RawClient) -> None:
    """librdkafka 2.16 asks for all topics in v13 like this."""
    await make_topic(client, "pages")
    body = bytes.fromhex("00000000010000")
    header = bytes.fromhex("0003000d0000002a") + b"\x00\x01x" + b"\x00"
    client.send_bytes((len(header) + len(body)).to_bytes(4, "big") + header + body)

    response = await client.receive(MetadataResponse, 13, 42)

    assert [topic.name for topic in response.topics] == ["pages"]
