"""Who has no rights on the cluster is told so for each thing that was named, as by Kafka 4.2."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.metadata.controller import TopicSpec
from broker.metadata.image import TopicImage
from broker.protocol.messages import alter_configs as legacy
from broker.protocol.messages import alter_partition_reassignments as reassign
from broker.protocol.messages import elect_leaders as elect
from broker.protocol.messages import fetch, list_offsets, produce
from broker.protocol.messages import incremental_alter_configs as alter
from broker.protocol.messages import list_partition_reassignments as reassigning
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.topic_calls import batch_of

REFUSED = ErrorCode.CLUSTER_AUTHORIZATION_FAILED


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    async with running_broker(tmp_path / "data", authorizer_enabled=True) as serving:
        yield serving


async def test_elections_and_moves_are_refused_partition_by_partition(client: RawClient) -> None:
    elected = await client.ask(
        elect.ElectLeadersRequest(0, [elect.TopicPartitions("pages", [0])]),
        2,
        elect.ElectLeadersResponse,
    )
    wanted = reassign.ReassignableTopic("pages", [reassign.ReassignablePartition(0, [1])])
    moved = await client.ask(
        reassign.AlterPartitionReassignmentsRequest(topics=[wanted]),
        0,
        reassign.AlterPartitionReassignmentsResponse,
    )
    listed = await client.ask(
        reassigning.ListPartitionReassignmentsRequest(
            topics=[reassigning.ListPartitionReassignmentsTopics("pages", [0])]
        ),
        0,
        reassigning.ListPartitionReassignmentsResponse,
    )

    assert elected.error_code == moved.error_code == listed.error_code == REFUSED
    assert elected.replica_election_results[0].partition_result[0].error_code == REFUSED
    assert moved.responses[0].partitions[0].error_code == REFUSED
    assert [(topic.name, len(topic.partitions)) for topic in listed.topics] == [("pages", 1)]


async def test_what_no_setting_can_be_is_told_before_the_lack_of_rights(client: RawClient) -> None:
    twice = [alter.AlterableConfig("retention.ms", 0, "5")] * 2
    changed = await client.ask(
        alter.IncrementalAlterConfigsRequest([alter.AlterConfigsResource(2, "pages", twice)]),
        1,
        alter.IncrementalAlterConfigsResponse,
    )
    unset = [legacy.AlterableConfig("retention.ms", None)]
    replaced = await client.ask(
        legacy.AlterConfigsRequest([legacy.AlterConfigsResource(2, "pages", unset)]),
        2,
        legacy.AlterConfigsResponse,
    )

    codes = [changed.responses[0].error_code, replaced.responses[0].error_code]
    assert codes == [ErrorCode.INVALID_REQUEST] * 2


async def test_who_may_not_see_a_topic_does_not_learn_what_else_is_wrong(
    broker: RunningBroker, client: RawClient
) -> None:
    (made,) = await broker.services.cluster.create_topics([TopicSpec("pages", 1)])
    assert isinstance(made, TopicImage)
    wanted = fetch.FetchTopic(topic_id=made.topic_id, partitions=[fetch.FetchPartition(7, -1, 0)])
    fetched = await client.ask(
        fetch.FetchRequest(max_wait_ms=0, min_bytes=1, topics=[wanted]), 13, fetch.FetchResponse
    )
    twice = [list_offsets.ListOffsetsPartition(0, -1, -1)] * 2
    listed = await client.ask(
        list_offsets.ListOffsetsRequest(topics=[list_offsets.ListOffsetsTopic("pages", twice)]),
        7,
        list_offsets.ListOffsetsResponse,
    )
    data = produce.PartitionProduceData(0, memoryview(batch_of(b"a")))
    topic = produce.TopicProduceData(name="pages", partition_data=[data])
    produced = await client.ask(
        produce.ProduceRequest(acks=9, timeout_ms=1000, topic_data=[topic]),
        9,
        produce.ProduceResponse,
    )

    codes = [
        fetched.responses[0].partitions[0].error_code,
        listed.topics[0].partitions[0].error_code,
        produced.responses[0].partition_responses[0].error_code,
    ]
    assert codes == [ErrorCode.TOPIC_AUTHORIZATION_FAILED] * 3
