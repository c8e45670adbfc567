"""What is told beside the code to a client without rights, word for word as by Apache Kafka 4.2."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.metadata.controller import TopicSpec
from broker.metadata.image import ResourceType, TopicImage
from broker.protocol.messages import (
    alter_configs,
    create_partitions,
    create_topics,
    describe_client_quotas,
    describe_quorum,
    describe_user_scram_credentials,
    incremental_alter_configs,
    join_group,
    list_partition_reassignments,
    metadata,
    update_features,
)
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker

REFUSED = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
WORDS = "Cluster authorization failed."


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    async with running_broker(tmp_path / "data", authorizer_enabled=True) as serving:
        yield serving


async def test_who_may_not_create_topics_is_told_so_without_naming_them(client: RawClient) -> None:
    wanted = create_topics.CreatableTopic("pages", 1, 1)
    answer = await client.ask(
        create_topics.CreateTopicsRequest([wanted]), 7, create_topics.CreateTopicsResponse
    )
    more = create_partitions.CreatePartitionsTopic("pages", 4, None)
    grown = await client.ask(
        create_partitions.CreatePartitionsRequest([more], 1000),
        3,
        create_partitions.CreatePartitionsResponse,
    )

    assert answer.topics[0].error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED
    assert answer.topics[0].error_message == "Authorization failed."
    assert grown.results[0].error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED
    assert grown.results[0].error_message is None


async def test_a_refused_member_does_not_hear_its_id(client: RawClient) -> None:
    request = join_group.JoinGroupRequest(
        group_id="readers",
        session_timeout_ms=10_000,
        rebalance_timeout_ms=10_000,
        member_id="me",
        protocol_type="consumer",
        protocols=[join_group.JoinGroupRequestProtocol("range", b"")],
    )
    answer = await client.ask(request, 9, join_group.JoinGroupResponse)

    assert answer.error_code == ErrorCode.GROUP_AUTHORIZATION_FAILED
    assert answer.member_id == ""


async def test_a_topic_that_is_named_by_its_id_is_refused_without_its_name(
    broker: RunningBroker, client: RawClient
) -> None:
    (made,) = await broker.services.cluster.create_topics([TopicSpec("pages", 1)])
    assert isinstance(made, TopicImage)
    wanted = metadata.MetadataRequestTopic(topic_id=made.topic_id, name=None)
    answer = await client.ask(metadata.MetadataRequest([wanted]), 13, metadata.MetadataResponse)

    (topic,) = answer.topics
    assert topic.error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED
    assert (topic.name, topic.topic_id, topic.partitions) == (None, made.topic_id, [])


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        (ResourceType.BROKER, "pages", "Node id must be an integer, but it is: pages"),
        (ResourceType.BROKER, "7", "Unexpected broker id, expected 1, but received 7"),
        (99, "pages", "Unknown resource type 99"),
    ],
)
async def test_settings_of_what_is_not_there_are_refused_before_rights_are_looked_at(
    client: RawClient, kind: int, name: str, message: str
) -> None:
    changed = await client.ask(
        incremental_alter_configs.IncrementalAlterConfigsRequest(
            [incremental_alter_configs.AlterConfigsResource(kind, name, [])]
        ),
        1,
        incremental_alter_configs.IncrementalAlterConfigsResponse,
    )
    replaced = await client.ask(
        alter_configs.AlterConfigsRequest([alter_configs.AlterConfigsResource(kind, name, [])]),
        2,
        alter_configs.AlterConfigsResponse,
    )

    told = [
        (one.responses[0].error_code, one.responses[0].error_message) for one in (changed, replaced)
    ]
    assert told == [(ErrorCode.INVALID_REQUEST, message)] * 2


async def test_quotas_and_credentials_are_refused_without_words(client: RawClient) -> None:
    quotas = await client.ask(
        describe_client_quotas.DescribeClientQuotasRequest([], False),
        1,
        describe_client_quotas.DescribeClientQuotasResponse,
    )
    credentials = await client.ask(
        describe_user_scram_credentials.DescribeUserScramCredentialsRequest(None),
        0,
        describe_user_scram_credentials.DescribeUserScramCredentialsResponse,
    )

    assert (quotas.error_code, quotas.error_message, quotas.entries) == (REFUSED, None, None)
    assert (credentials.error_code, credentials.error_message) == (REFUSED, None)
    (nobody,) = credentials.results
    assert (nobody.user, nobody.error_code, nobody.error_message) == ("", REFUSED, None)


async def test_who_asks_about_the_whole_cluster_is_refused_in_words(client: RawClient) -> None:
    quorum = await client.ask(
        describe_quorum.DescribeQuorumRequest([]), 2, describe_quorum.DescribeQuorumResponse
    )
    features = await client.ask(
        update_features.UpdateFeaturesRequest(), 2, update_features.UpdateFeaturesResponse
    )
    moves = await client.ask(
        list_partition_reassignments.ListPartitionReassignmentsRequest(),
        0,
        list_partition_reassignments.ListPartitionReassignmentsResponse,
    )

    told = [(one.error_code, one.error_message) for one in (quorum, features, moves)]
    assert told == [(REFUSED, WORDS)] * 3
