from broker.errors import ErrorCode
from broker.protocol.messages.add_raft_voter import (
    AddRaftVoterRequest,
    AddRaftVoterResponse,
)
from tests.support.feature_calls import let_the_quorum_change
from tests.support.raw_client import RawClient


async def asked(client: RawClient, cluster_id: str | None) -> AddRaftVoterResponse:
    request = AddRaftVoterRequest(cluster_id, 1000, 5, bytes(15) + b"\x05", [])
    return await client.ask(request, 0, AddRaftVoterResponse)


async def test_the_quorum_of_one_node_stays_as_it_is(client: RawClient) -> None:
    response = await asked(client, None)

    assert response.error_code == ErrorCode.UNSUPPORTED_VERSION
    assert response.error_message == (
        "Cluster doesn't support adding voter because the kraft.version feature is 0"
    )


async def test_a_quorum_that_may_change_stays_as_it_is_too(client: RawClient) -> None:
    await let_the_quorum_change(client)

    response = await asked(client, None)

    assert response.error_code == ErrorCode.UNSUPPORTED_VERSION
    assert response.error_message == "This cluster is one node and takes no other voter"


async def test_another_cluster_is_refused(client: RawClient) -> None:
    response = await asked(client, "another")

    assert response.error_code == ErrorCode.INCONSISTENT_CLUSTER_ID
