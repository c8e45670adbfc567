from broker.errors import ErrorCode
from broker.protocol.messages.remove_raft_voter import (
    RemoveRaftVoterRequest,
    RemoveRaftVoterResponse,
)
from tests.support.raw_client import RawClient


async def asked(client: RawClient, cluster_id: str | None) -> RemoveRaftVoterResponse:
    request = RemoveRaftVoterRequest(cluster_id, 5, bytes(15) + b"\x05")
    return await client.ask(request, 0, RemoveRaftVoterResponse)


async def test_the_quorum_of_one_node_stays_as_it_is(client: RawClient) -> None:
    response = await asked(client, None)

    assert response.error_code == ErrorCode.UNSUPPORTED_VERSION
    assert response.error_message == (
        "Cluster doesn't support removing voter because the kraft.version feature is 0"
    )


async def test_another_cluster_is_refused(client: RawClient) -> None:
    response = await asked(client, "another")

    assert response.error_code == ErrorCode.INCONSISTENT_CLUSTER_ID
