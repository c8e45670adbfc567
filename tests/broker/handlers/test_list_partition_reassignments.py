from broker.errors import ErrorCode
from broker.protocol.messages.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
)
from tests.support.raw_client import RawClient


async def test_nothing_ever_moves_on_one_node(client: RawClient) -> None:
    request = ListPartitionReassignmentsRequest(1000, None)

    response = await client.ask(request, 0, ListPartitionReassignmentsResponse)

    assert (response.error_code, response.topics) == (ErrorCode.NONE, [])
