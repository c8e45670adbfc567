"""What is refused first, and in which words, when several things are wrong: as Kafka 4.2 does."""

from typing import Any

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages import alter_partition_reassignments as reassign
from broker.protocol.messages import create_partitions, create_topics, delete_topics
from broker.protocol.messages import describe_cluster as clusters
from broker.protocol.messages import describe_configs as configs
from broker.protocol.messages import describe_quorum as quorum
from broker.protocol.messages import describe_topic_partitions as pages
from broker.protocol.messages import elect_leaders as elect
from broker.protocol.messages import incremental_alter_configs as alter
from broker.protocol.messages import metadata as directory
from tests.support.raw_client import RawClient
from tests.support.topic_calls import make_topic

Topic = create_topics.CreatableTopic
Assignment = create_topics.CreatableReplicaAssignment
Config = create_topics.CreatableTopicConfig
State = delete_topics.DeleteTopicState


async def made(client: RawClient, *topics: Topic, timeout_ms: int = 1000) -> list[tuple[int, Any]]:
    request = create_topics.CreateTopicsRequest(list(topics), timeout_ms, True)
    answer = await client.ask(request, 7, create_topics.CreateTopicsResponse)
    return [(topic.error_code, topic.error_message) for topic in answer.topics]


@pytest.mark.parametrize(
    ("topic", "code", "words"),
    [
        (
            Topic("t", 0, 0, [], [Config("a", None), Config("b", None)]),
            ErrorCode.INVALID_CONFIG,
            "Null value not supported for topic configs: a,b",
        ),
        (
            Topic("t", 1, 1, [Assignment(0, [9])], [Config("nope", "1")]),
            ErrorCode.INVALID_CONFIG,
            "Unknown topic config name: nope",
        ),
        (
            Topic("t", 0, 0, [], []),
            ErrorCode.INVALID_REPLICATION_FACTOR,
            "Replication factor must be larger than 0, or -1 to use the default value.",
        ),
        (
            Topic("t", 1, -1, [Assignment(0, [1])], []),
            ErrorCode.INVALID_REQUEST,
            "A manual partition assignment was specified, but numPartitions was not set to -1.",
        ),
        (
            Topic("t", -1, -1, [Assignment(0, [1]), Assignment(0, [1])], []),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "Found multiple manual partition assignments for partition 0",
        ),
        (
            Topic("t", 10_001, 1, [], []),
            ErrorCode.POLICY_VIOLATION,
            "Excessively large number of partitions per request.",
        ),
    ],
)
async def test_a_new_topic_is_refused_for_what_kafka_looks_at_first(
    client: RawClient, topic: Topic, code: ErrorCode, words: str
) -> None:
    assert await made(client, topic) == [(code, words)]


async def test_changes_without_time_are_timed_out(client: RawClient) -> None:
    await make_topic(client, "pages")
    timed_out = (ErrorCode.REQUEST_TIMED_OUT, None)

    grown = await client.ask(
        create_partitions.CreatePartitionsRequest(
            [create_partitions.CreatePartitionsTopic("pages", 2, None)], -1, False
        ),
        3,
        create_partitions.CreatePartitionsResponse,
    )
    gone = await client.ask(
        delete_topics.DeleteTopicsRequest(topics=[State("pages")], timeout_ms=0),
        6,
        delete_topics.DeleteTopicsResponse,
    )
    elected = await client.ask(
        elect.ElectLeadersRequest(0, [elect.TopicPartitions("pages", [0])], 0),
        2,
        elect.ElectLeadersResponse,
    )
    moved = await client.ask(
        reassign.AlterPartitionReassignmentsRequest(
            timeout_ms=0, topics=[reassign.ReassignableTopic("pages", [])]
        ),
        0,
        reassign.AlterPartitionReassignmentsResponse,
    )

    assert await made(client, Topic("new", 1, 1, [], []), timeout_ms=0) == [timed_out]
    assert [(one.error_code, one.error_message) for one in grown.results] == [timed_out]
    assert [(one.error_code, one.error_message) for one in gone.responses] == [timed_out]
    assert elected.error_code == moved.error_code == ErrorCode.REQUEST_TIMED_OUT
    assert elected.replica_election_results[0].partition_result[0].error_code == timed_out[0]


async def test_a_topic_to_delete_is_named_once_and_in_one_way(client: RawClient) -> None:
    topic_id = (await make_topic(client, "pages")).topic_id
    wanted = [
        [State("pages"), State("pages")],
        [State(None, topic_id), State(None, topic_id)],
        [State("pages", topic_id)],
        [State(None)],
        [State(None, topic_id), State("pages")],
    ]

    answers = [
        await client.ask(
            delete_topics.DeleteTopicsRequest(topics=states, timeout_ms=1000),
            6,
            delete_topics.DeleteTopicsResponse,
        )
        for states in wanted
    ]

    results = [(one.error_code, one.error_message) for it in answers for one in it.responses]
    assert results == [
        (ErrorCode.INVALID_REQUEST, words)
        for words in (
            "Duplicate topic name.",
            "Duplicate topic id.",
            "You may not specify both topic name and topic id.",
            "Neither topic name nor id were specified.",
            "The provided topic name maps to an ID that was already supplied.",
        )
    ]


async def test_settings_of_a_resource_named_twice_are_refused_both_times(
    client: RawClient,
) -> None:
    await make_topic(client, "pages")
    one = alter.AlterConfigsResource(2, "pages", [alter.AlterableConfig("retention.ms", 0, "5")])

    answer = await client.ask(
        alter.IncrementalAlterConfigsRequest([one, one]), 1, alter.IncrementalAlterConfigsResponse
    )

    assert [(it.error_code, it.error_message) for it in answer.responses] == [
        (ErrorCode.INVALID_REQUEST, "Each resource must appear at most once.")
    ] * 2


async def test_a_value_is_looked_at_before_the_topic_is(client: RawClient) -> None:
    def change(value: str) -> alter.AlterConfigsResource:
        return alter.AlterConfigsResource(
            2, "nowhere", [alter.AlterableConfig("retention.ms", 0, value)]
        )

    answers = [
        await client.ask(
            alter.IncrementalAlterConfigsRequest([change(value)]),
            1,
            alter.IncrementalAlterConfigsResponse,
        )
        for value in ("x", "5")
    ]

    assert [answer.responses[0].error_code for answer in answers] == [
        ErrorCode.INVALID_CONFIG,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]


async def test_settings_of_an_unknown_type_refuse_the_whole_request(client: RawClient) -> None:
    await make_topic(client, "pages")
    wanted = [
        configs.DescribeConfigsResource(2, "pages", None),
        configs.DescribeConfigsResource(64, "x", None),
    ]

    answer = await client.ask(
        configs.DescribeConfigsRequest(wanted), 4, configs.DescribeConfigsResponse
    )

    assert [(one.error_code, one.configs) for one in answer.results] == [
        (ErrorCode.INVALID_REQUEST, [])
    ] * 2


@pytest.mark.parametrize("cursor", [pages.Cursor("other", 0), pages.Cursor("pages", -1)])
async def test_a_page_begins_at_a_topic_that_is_asked_for(
    client: RawClient, cursor: pages.Cursor
) -> None:
    await make_topic(client, "pages")
    request = pages.DescribeTopicPartitionsRequest([pages.TopicRequest("pages")], 10, cursor)

    answer = await client.ask(request, 0, pages.DescribeTopicPartitionsResponse)

    assert [topic.error_code for topic in answer.topics] == [ErrorCode.INVALID_REQUEST]


async def test_a_page_has_one_partition_at_least(client: RawClient) -> None:
    await make_topic(client, "pages", 3)
    request = pages.DescribeTopicPartitionsRequest([pages.TopicRequest("pages")], -1, None)

    answer = await client.ask(request, 0, pages.DescribeTopicPartitionsResponse)

    assert [one.partition_index for one in answer.topics[0].partitions] == [0]
    assert answer.next_cursor == pages.Cursor("pages", 1)


async def test_a_topic_asked_for_twice_is_told_once_and_with_what_may_be_done_if_unknown(
    client: RawClient,
) -> None:
    asked = directory.MetadataRequestTopic(bytes(16), "nowhere")
    request = directory.MetadataRequest(
        [asked, asked],
        allow_auto_topic_creation=False,
        include_topic_authorized_operations=True,
    )

    answer = await client.ask(request, 12, directory.MetadataResponse)

    (topic,) = answer.topics
    assert topic.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert topic.topic_authorized_operations > 0


@pytest.mark.parametrize(
    ("kind", "code"),
    [(2, ErrorCode.MISMATCHED_ENDPOINT_TYPE), (3, ErrorCode.UNSUPPORTED_ENDPOINT_TYPE)],
)
async def test_endpoints_of_other_types_are_refused(
    client: RawClient, kind: int, code: ErrorCode
) -> None:
    answer = await client.ask(
        clusters.DescribeClusterRequest(endpoint_type=kind), 2, clusters.DescribeClusterResponse
    )

    assert answer.error_code == code


async def test_a_quorum_is_told_for_its_one_partition_alone(client: RawClient) -> None:
    wanted = quorum.TopicData("__cluster_metadata", [quorum.PartitionData(0)] * 2)

    answer = await client.ask(
        quorum.DescribeQuorumRequest([wanted]), 2, quorum.DescribeQuorumResponse
    )

    assert [one.error_code for one in answer.topics[0].partitions] == [
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    ] * 2
    assert answer.nodes == []
