import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ReassignablePartition,
    ReassignableTopic,
)
from tests.support.raw_client import RawClient
from tests.support.topic_calls import make_topic


@pytest.mark.parametrize(
    ("topic", "index", "replicas", "code"),
    [
        ("pages", 0, [1], ErrorCode.NONE),
        ("pages", 0, [2], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ("pages", 0, [], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ("pages", 0, None, ErrorCode.NO_REASSIGNMENT_IN_PROGRESS),
        ("pages", 1, [1], ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("none", 0, [1], ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ],
)
async def test_a_partition_can_only_stay_where_it_is(
    client: RawClient, topic: str, index: int, replicas: list[int] | None, code: ErrorCode
) -> None:
    await make_topic(client, "pages")
    request = AlterPartitionReassignmentsRequest(
        topics=[ReassignableTopic(topic, [ReassignablePartition(index, replicas)])]
    )

    response = await client.ask(request, 1, AlterPartitionReassignmentsResponse)

    (told,) = response.responses[0].partitions
    assert told.error_code == code
    assert (told.error_message is None) == (
        code in (ErrorCode.NONE, ErrorCode.NO_REASSIGNMENT_IN_PROGRESS)
    )
