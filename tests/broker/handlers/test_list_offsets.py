import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)
from tests.support.raw_client import RawClient
from tests.support.topic_calls import batch_of, make_topic, write


async def asked(
    client: RawClient, *timestamps: int, version: int = 11
) -> list[ListOffsetsPartitionResponse]:
    """The answer for each timestamp, one request each."""
    answers = []
    for timestamp in timestamps:
        wanted = ListOffsetsPartition(0, timestamp=timestamp)
        request = ListOffsetsRequest(-1, topics=[ListOffsetsTopic("pages", [wanted])])
        response = await client.ask(request, version, ListOffsetsResponse)
        answers += response.topics[0].partitions
    return answers


async def test_first_and_last_offset(client: RawClient) -> None:
    await make_topic(client, "pages")
    await write(client, "pages", batch_of(b"a", b"b", timestamp_ms=1000))

    latest, earliest, earliest_local = await asked(client, -1, -2, -4)

    assert (latest.offset, latest.timestamp, latest.leader_epoch) == (2, -1, 0)
    assert (earliest.offset, earliest.timestamp, earliest_local.offset) == (0, -1, 0)


async def test_a_time_finds_the_first_record_at_or_after_it(client: RawClient) -> None:
    await make_topic(client, "pages")
    for second in (1, 2, 3):
        await write(client, "pages", batch_of(b"a", timestamp_ms=second * 1000))

    found = await asked(client, 0, 1000, 1001, 3000, 3001)

    assert [(one.offset, one.timestamp) for one in found] == [
        (0, 1000),
        (0, 1000),
        (1, 2000),
        (2, 3000),
        (-1, -1),
    ]


async def test_the_youngest_record_is_found_wherever_it_lies(client: RawClient) -> None:
    await make_topic(client, "pages")
    for timestamp in (1000, 9000, 5000):
        await write(client, "pages", batch_of(b"a", timestamp_ms=timestamp))

    (youngest,) = await asked(client, -3)

    assert (youngest.offset, youngest.timestamp) == (1, 9000)


async def test_nothing_is_found_in_tiers_that_do_not_exist(client: RawClient) -> None:
    await make_topic(client, "pages")

    answers = await asked(client, -5, -6)

    assert [(one.error_code, one.offset) for one in answers] == [(ErrorCode.NONE, -1)] * 2


@pytest.mark.parametrize(("timestamp", "version"), [(-3, 6), (-4, 7), (-5, 8), (-6, 10), (-7, 11)])
async def test_a_special_time_needs_its_version(
    client: RawClient, timestamp: int, version: int
) -> None:
    await make_topic(client, "pages")

    (answer,) = await asked(client, timestamp, version=version)

    assert answer.error_code == ErrorCode.UNSUPPORTED_VERSION


async def test_a_partition_asked_twice_is_an_invalid_request(client: RawClient) -> None:
    await make_topic(client, "pages")
    wanted = ListOffsetsPartition(0, timestamp=-1)
    request = ListOffsetsRequest(-1, topics=[ListOffsetsTopic("pages", [wanted, wanted])])

    response = await client.ask(request, 7, ListOffsetsResponse)

    codes = [answer.error_code for answer in response.topics[0].partitions]
    assert codes == [ErrorCode.INVALID_REQUEST]


async def test_a_timestamp_of_a_newer_version_is_told_before_the_partition_is_looked_for(
    client: RawClient,
) -> None:
    wanted = ListOffsetsPartition(0, timestamp=-5)
    request = ListOffsetsRequest(-1, topics=[ListOffsetsTopic("nowhere", [wanted])])

    response = await client.ask(request, 8, ListOffsetsResponse)

    assert response.topics[0].partitions[0].error_code == ErrorCode.UNSUPPORTED_VERSION


async def test_the_end_of_an_empty_partition_has_the_epoch_of_now(client: RawClient) -> None:
    await make_topic(client, "pages")
    wanted = ListOffsetsPartition(0, timestamp=-1)
    request = ListOffsetsRequest(-1, topics=[ListOffsetsTopic("pages", [wanted])])

    response = await client.ask(request, 7, ListOffsetsResponse)

    (answer,) = response.topics[0].partitions
    assert (answer.offset, answer.leader_epoch) == (0, 0)


async def test_an_isolation_level_that_there_is_not_is_an_error(client: RawClient) -> None:
    """As in Apache Kafka 4.2."""
    await make_topic(client, "pages")
    wanted = ListOffsetsTopic("pages", [ListOffsetsPartition(0, timestamp=-1)])

    response = await client.ask(ListOffsetsRequest(-1, 2, [wanted]), 7, ListOffsetsResponse)

    (answer,) = response.topics[0].partitions
    assert (answer.error_code, answer.offset) == (ErrorCode.UNKNOWN_SERVER_ERROR, -1)
