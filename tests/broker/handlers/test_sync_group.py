import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse
from tests.support.group_calls import coordinated, settle
from tests.support.raw_client import RawClient


@pytest.mark.parametrize("version", range(6))
async def test_a_member_gets_its_share_in_every_version(client: RawClient, version: int) -> None:
    await coordinated(client)
    joined = await settle(client)
    request = SyncGroupRequest(
        "g", joined.generation_id, joined.member_id, None, "consumer", "range"
    )

    response = await client.ask(request, version, SyncGroupResponse)

    assert (response.error_code, response.assignment) == (ErrorCode.NONE, b"mine")
    assert response.protocol_name == ("range" if version >= 5 else None)


async def test_a_stranger_gets_nothing(client: RawClient) -> None:
    await coordinated(client)
    joined = await settle(client)

    stranger = await client.ask(SyncGroupRequest("g", 1, "x"), 4, SyncGroupResponse)
    late = await client.ask(SyncGroupRequest("g", 9, joined.member_id), 4, SyncGroupResponse)
    other = SyncGroupRequest("g", 1, joined.member_id, None, "consumer", "sticky")
    wrong = await client.ask(other, 5, SyncGroupResponse)

    assert [stranger.error_code, late.error_code, wrong.error_code] == [
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.ILLEGAL_GENERATION,
        ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
    ]


async def test_from_v5_on_a_member_has_to_name_its_protocol(client: RawClient) -> None:
    await coordinated(client)
    joined = await settle(client)
    nameless = SyncGroupRequest("g", joined.generation_id, joined.member_id, None, "consumer")

    before = await client.ask(nameless, 4, SyncGroupResponse)
    since = await client.ask(nameless, 5, SyncGroupResponse)

    assert before.error_code == ErrorCode.NONE
    assert since.error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
