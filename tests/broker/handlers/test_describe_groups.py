import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.describe_groups import DescribeGroupsRequest, DescribeGroupsResponse
from tests.support.group_calls import coordinated, settle
from tests.support.raw_client import RawClient


@pytest.mark.parametrize("version", range(7))
async def test_a_stable_group_is_told_with_its_members(client: RawClient, version: int) -> None:
    await coordinated(client)
    joined = await settle(client, instance="seat")

    response = await client.ask(DescribeGroupsRequest(["g"]), version, DescribeGroupsResponse)

    (group,) = response.groups
    assert (group.group_state, group.protocol_type, group.protocol_data) == (
        "Stable",
        "consumer",
        "range",
    )
    (member,) = group.members
    assert (member.member_id, member.client_id) == (joined.member_id, "raw")
    assert member.client_host == "/127.0.0.1"
    assert (member.member_metadata, member.member_assignment) == (b"subscription", b"mine")
    assert member.group_instance_id == ("seat" if version >= 4 else None)


async def test_a_group_that_is_not_there_is_dead_and_from_v6_on_an_error(
    client: RawClient,
) -> None:
    await coordinated(client)
    request = DescribeGroupsRequest(["nobody"])

    old = await client.ask(request, 5, DescribeGroupsResponse)
    new = await client.ask(request, 6, DescribeGroupsResponse)

    assert (old.groups[0].group_state, old.groups[0].error_code) == ("Dead", ErrorCode.NONE)
    assert (new.groups[0].group_state, new.groups[0].error_code) == (
        "Dead",
        ErrorCode.GROUP_ID_NOT_FOUND,
    )
    assert new.groups[0].error_message == "Group nobody not found."


async def test_allowed_operations_are_told_when_asked_for(client: RawClient) -> None:
    await coordinated(client)
    await settle(client)

    asked = await client.ask(DescribeGroupsRequest(["g", "no"], True), 6, DescribeGroupsResponse)
    not_asked = await client.ask(DescribeGroupsRequest(["g"]), 5, DescribeGroupsResponse)

    assert asked.groups[0].authorized_operations == 0b1101_0100_1000
    assert asked.groups[1].authorized_operations == -(2**31)
    assert not_asked.groups[0].authorized_operations == -(2**31)
