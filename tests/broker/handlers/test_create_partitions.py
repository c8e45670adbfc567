import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.create_partitions import (
    CreatePartitionsAssignment,
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
)
from tests.support.raw_client import RawClient
from tests.support.topic_calls import batch_of, make_topic, write


async def test_new_partitions_can_be_written_at_once(client: RawClient) -> None:
    await make_topic(client, "pages")

    response = await client.ask(
        CreatePartitionsRequest([CreatePartitionsTopic("pages", 3, None)], 1000),
        3,
        CreatePartitionsResponse,
    )

    assert [result.error_code for result in response.results] == [ErrorCode.NONE]
    assert (await write(client, "pages", batch_of(b"a"), partition=2)).error_code == ErrorCode.NONE


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        (CreatePartitionsTopic("pages", 1, None), ErrorCode.INVALID_PARTITIONS),
        (CreatePartitionsTopic("pages", 2, None), ErrorCode.INVALID_PARTITIONS),
        (CreatePartitionsTopic("none", 2, None), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (
            CreatePartitionsTopic("pages", 3, [CreatePartitionsAssignment([5])]),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        ),
        (CreatePartitionsTopic("pages", 4, []), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
    ],
)
async def test_what_cannot_be_is_refused(
    client: RawClient, topic: CreatePartitionsTopic, code: ErrorCode
) -> None:
    await make_topic(client, "pages", partitions=2)

    response = await client.ask(CreatePartitionsRequest([topic], 1000), 3, CreatePartitionsResponse)

    assert [result.error_code for result in response.results] == [code]
