import time

from broker.errors import ErrorCode
from broker.protocol.messages.describe_topic_partitions import (
    Cursor,
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    TopicRequest,
)
from tests.support.raw_client import RawClient
from tests.support.topic_calls import make_topic


async def test_pages_follow_each_other_without_gap_or_repeat(client: RawClient) -> None:
    await make_topic(client, "a", partitions=3)
    await make_topic(client, "b", partitions=4)
    seen, cursor = [], None

    for _ in range(9):
        request = DescribeTopicPartitionsRequest([], 2, cursor)
        page = await client.ask(request, 0, DescribeTopicPartitionsResponse)
        found = [
            (topic.name, one.partition_index) for topic in page.topics for one in topic.partitions
        ]
        assert len(found) <= 2
        seen += found
        cursor = page.next_cursor
        if cursor is None:
            break

    assert seen == [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1), ("b", 2), ("b", 3)]


async def test_unknown_topics_are_told_in_order_of_name(client: RawClient) -> None:
    await make_topic(client, "b")
    request = DescribeTopicPartitionsRequest([TopicRequest("c"), TopicRequest("b")], 100, None)

    response = await client.ask(request, 0, DescribeTopicPartitionsResponse)

    assert [(topic.name, topic.error_code) for topic in response.topics] == [
        ("b", ErrorCode.NONE),
        ("c", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ]


async def test_a_cursor_behind_the_last_topic_ends_the_list(client: RawClient) -> None:
    await make_topic(client, "a")
    request = DescribeTopicPartitionsRequest([], 100, Cursor("z", 0))

    response = await client.ask(request, 0, DescribeTopicPartitionsResponse)

    assert (response.topics, response.next_cursor) == ([], None)


async def test_many_unknown_topics_do_not_hold_up_the_others(client: RawClient) -> None:
    """Each was looked for among all the others, for seconds."""
    names = [TopicRequest(f"page-{number:05}") for number in range(40_000)]
    request = DescribeTopicPartitionsRequest(names, 2_000, None)
    began_s = time.process_time()

    response = await client.ask(request, 0, DescribeTopicPartitionsResponse)

    assert time.process_time() - began_s < 4.0
    assert [topic.name for topic in response.topics] == [one.name for one in names]
