from broker.errors import ErrorCode
from broker.protocol.messages.describe_quorum import (
    DescribeQuorumRequest,
    DescribeQuorumResponse,
    PartitionData,
    TopicData,
)
from broker.protocol.primitives import ZERO_UUID
from tests.support.feature_calls import let_the_quorum_change
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker


async def test_the_only_voter_is_this_broker(client: RawClient, broker: RunningBroker) -> None:
    wanted = [TopicData("__cluster_metadata", [PartitionData(0)])]

    response = await client.ask(DescribeQuorumRequest(wanted), 2, DescribeQuorumResponse)

    (partition,) = response.topics[0].partitions
    assert (partition.error_code, partition.leader_id) == (ErrorCode.NONE, 1)
    assert [voter.replica_id for voter in partition.current_voters] == [1]
    assert partition.high_watermark == partition.current_voters[0].log_end_offset > 0
    assert response.nodes[0].listeners[0].port == broker.port


async def test_a_voter_has_the_id_of_its_directory_once_the_quorum_may_change(
    client: RawClient, broker: RunningBroker
) -> None:
    wanted = DescribeQuorumRequest([TopicData("__cluster_metadata", [PartitionData(0)])])
    before = await client.ask(wanted, 2, DescribeQuorumResponse)
    await let_the_quorum_change(client)
    after = await client.ask(wanted, 2, DescribeQuorumResponse)

    ids = [
        response.topics[0].partitions[0].current_voters[0].replica_directory_id
        for response in (before, after)
    ]
    assert ids == [ZERO_UUID, broker.services.cluster.directory_id]
    assert ids[1] != ZERO_UUID


async def test_other_topics_have_no_quorum(client: RawClient) -> None:
    wanted = [TopicData("pages", [PartitionData(0)])]

    response = await client.ask(DescribeQuorumRequest(wanted), 0, DescribeQuorumResponse)

    assert response.topics[0].partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
