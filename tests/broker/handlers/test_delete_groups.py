import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from broker.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchResponse,
)
from tests.support.group_calls import commit, coordinated, settle
from tests.support.raw_client import RawClient
from tests.support.topic_calls import make_topic


@pytest.mark.parametrize("version", range(3))
async def test_an_empty_group_goes_with_its_offsets(client: RawClient, version: int) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    await commit(client, 5)

    response = await client.ask(DeleteGroupsRequest(["g", "x"]), version, DeleteGroupsResponse)

    assert [(result.group_id, result.error_code) for result in response.results] == [
        ("g", ErrorCode.NONE),
        ("x", ErrorCode.GROUP_ID_NOT_FOUND),
    ]
    wanted = OffsetFetchRequest(groups=[OffsetFetchRequestGroup("g", topics=None)])
    left = await client.ask(wanted, 8, OffsetFetchResponse)
    assert left.groups[0].topics == []


async def test_a_group_with_members_stays(client: RawClient) -> None:
    await coordinated(client)
    await settle(client)

    response = await client.ask(DeleteGroupsRequest(["g"]), 2, DeleteGroupsResponse)

    assert response.results[0].error_code == ErrorCode.NON_EMPTY_GROUP
