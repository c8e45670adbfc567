import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from tests.support.group_calls import coordinated, settle
from tests.support.raw_client import RawClient


@pytest.mark.parametrize("version", range(5))
async def test_a_member_of_a_stable_group_is_well(client: RawClient, version: int) -> None:
    await coordinated(client)
    joined = await settle(client)
    request = HeartbeatRequest("g", joined.generation_id, joined.member_id)

    response = await client.ask(request, version, HeartbeatResponse)

    assert response.error_code == ErrorCode.NONE


async def test_whoever_does_not_belong_is_told_why(client: RawClient) -> None:
    await coordinated(client)
    joined = await settle(client, instance="seat")
    wanted = [
        HeartbeatRequest("", 1, "x"),
        HeartbeatRequest("g", 1, "x"),
        HeartbeatRequest("g", 9, joined.member_id),
        HeartbeatRequest("g", 1, "x", "seat"),
    ]

    answers = [await client.ask(request, 4, HeartbeatResponse) for request in wanted]

    assert [answer.error_code for answer in answers] == [
        ErrorCode.INVALID_GROUP_ID,
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.ILLEGAL_GENERATION,
        ErrorCode.FENCED_INSTANCE_ID,
    ]
