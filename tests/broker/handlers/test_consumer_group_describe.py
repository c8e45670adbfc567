from pathlib import Path

from broker.errors import ErrorCode
from broker.protocol.messages.consumer_group_describe import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
)
from broker.protocol.messages.streams_group_describe import (
    StreamsGroupDescribeRequest,
)
from broker.protocol.messages.streams_group_describe import (
    StreamsGroupDescribeResponse as StreamsGroupDescribed,
)
from tests.support.group_calls import coordinated, join_consumer_group, settle
from tests.support.raw_client import RawClient
from tests.support.security_calls import broker_and_client
from tests.support.topic_calls import make_topic


async def test_a_group_is_told_with_what_its_members_own(client: RawClient) -> None:
    await make_topic(client, "pages", 2)
    await coordinated(client)
    await join_consumer_group(client)
    request = ConsumerGroupDescribeRequest(["g"], include_authorized_operations=True)

    response = await client.ask(request, 1, ConsumerGroupDescribeResponse)

    (group,) = response.groups
    assert (group.error_code, group.group_state) == (ErrorCode.NONE, "Stable")
    assert (group.group_epoch, group.assignment_epoch, group.assignor_name) == (1, 1, "uniform")
    assert group.authorized_operations == 0b1101_0100_1000
    (member,) = group.members
    assert (member.member_id, member.member_epoch, member.member_type) == ("member", 1, 1)
    assert member.subscribed_topic_names == ["pages"]
    (topic,) = member.assignment.topic_partitions
    assert (topic.topic_name, topic.partitions) == ("pages", [0, 1])
    assert member.target_assignment == member.assignment


async def test_a_group_that_is_not_there_or_is_classic_is_not_found(client: RawClient) -> None:
    await coordinated(client)
    await settle(client)
    request = ConsumerGroupDescribeRequest(["g", "nobody", ""], include_authorized_operations=True)

    response = await client.ask(request, 1, ConsumerGroupDescribeResponse)

    assert [group.error_code for group in response.groups] == [
        ErrorCode.GROUP_ID_NOT_FOUND,
        ErrorCode.GROUP_ID_NOT_FOUND,
        ErrorCode.INVALID_GROUP_ID,
    ]
    assert response.groups[0].error_message == "Group g is not a consumer group."
    assert {group.authorized_operations for group in response.groups} == {-(2**31)}


async def test_a_protocol_that_is_off_is_not_there_and_needs_no_words(tmp_path: Path) -> None:
    """As in Apache Kafka with group.coordinator.rebalance.protocols=classic."""
    off = {"group_coordinator_rebalance_protocols": ("classic",)}
    async with broker_and_client(tmp_path, **off) as (_, client):
        await coordinated(client)
        joined = await join_consumer_group(client)
        request = ConsumerGroupDescribeRequest(["g"], include_authorized_operations=True)

        described = await client.ask(request, 1, ConsumerGroupDescribeResponse)
        streams = await client.ask(StreamsGroupDescribeRequest(["g"]), 0, StreamsGroupDescribed)

    (consumer,), (stream,) = described.groups, streams.groups
    for answer in (joined, consumer, stream):
        told = (answer.error_code, answer.error_message)
        assert told == (ErrorCode.UNSUPPORTED_VERSION, None)
    assert consumer.authorized_operations == -(2**31)
