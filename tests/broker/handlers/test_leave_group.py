import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.leave_group import (
    LeaveGroupRequest,
    LeaveGroupResponse,
    MemberIdentity,
)
from tests.support.group_calls import coordinated, settle
from tests.support.raw_client import RawClient


@pytest.mark.parametrize("version", [0, 1, 2])
async def test_before_v3_one_member_leaves(client: RawClient, version: int) -> None:
    await coordinated(client)
    joined = await settle(client)
    request = LeaveGroupRequest("g", joined.member_id)

    left = await client.ask(request, version, LeaveGroupResponse)
    again = await client.ask(request, version, LeaveGroupResponse)

    assert [left.error_code, again.error_code] == [ErrorCode.NONE, ErrorCode.UNKNOWN_MEMBER_ID]


@pytest.mark.parametrize("version", [3, 4, 5])
async def test_from_v3_on_each_member_has_its_own_outcome(client: RawClient, version: int) -> None:
    await coordinated(client)
    await settle(client, instance="seat")
    leaving = [MemberIdentity("x"), MemberIdentity("x", "seat"), MemberIdentity("", "seat")]

    left = await client.ask(LeaveGroupRequest("g", members=leaving), version, LeaveGroupResponse)

    assert left.error_code == ErrorCode.NONE
    assert [(m.member_id, m.group_instance_id, m.error_code) for m in left.members] == [
        ("x", None, ErrorCode.UNKNOWN_MEMBER_ID),
        ("x", "seat", ErrorCode.FENCED_INSTANCE_ID),
        ("", "seat", ErrorCode.NONE),
    ]


async def test_leaving_an_unknown_group_is_the_members_error(client: RawClient) -> None:
    await coordinated(client)
    request = LeaveGroupRequest("other", members=[MemberIdentity("x")])

    left = await client.ask(request, 5, LeaveGroupResponse)

    assert (left.error_code, left.members[0].error_code) == (0, ErrorCode.UNKNOWN_MEMBER_ID)
