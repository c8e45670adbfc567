from broker.errors import ErrorCode
from broker.protocol.messages.remove_raft_voter import (
    RemoveRaftVoterRequest,
    RemoveRaftVoterResponse,
)
from broker.protocol.primitives import uuid_text
from tests.support.feature_calls import let_the_quorum_change
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker


async def asked(client: RawClient, cluster_id: str | None) -> RemoveRaftVoterResponse:
    request = RemoveRaftVoterRequest(cluster_id, 5, bytes(15) + b"\x05")
    return await client.ask(request, 0, RemoveRaftVoterResponse)


async def test_the_quorum_of_one_node_stays_as_it_is(client: RawClient) -> None:
    response = await asked(client, None)

    assert response.error_code == ErrorCode.UNSUPPORTED_VERSION
    assert response.error_message == (
        "Cluster doesn't support removing voter because the kraft.version feature is 0"
    )


async def test_a_quorum_that_may_change_has_no_voter_to_remove(
    client: RawClient, broker: RunningBroker
) -> None:
    """Apache Kafka 4.2 says so of its last voter as well."""
    await let_the_quorum_change(client)

    response = await asked(client, None)

    own = uuid_text(broker.services.cluster.directory_id)
    assert response.error_code == ErrorCode.VOTER_NOT_FOUND
    assert response.error_message == (
        "Cannot remove voter ReplicaKey(id=5, directoryId=AAAAAAAAAAAAAAAAAAAABQ) from the set of"
        f" voters [ReplicaKey(id=1, directoryId={own})]"
    )


async def test_another_cluster_is_refused(client: RawClient) -> None:
    response = await asked(client, "another")

    assert response.error_code == ErrorCode.INCONSISTENT_CLUSTER_ID
