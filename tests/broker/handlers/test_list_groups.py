import pytest

from broker.protocol.messages.list_groups import ListGroupsRequest, ListGroupsResponse
from tests.support.group_calls import coordinated, join_consumer_group, settle
from tests.support.raw_client import RawClient
from tests.support.topic_calls import make_topic


@pytest.mark.parametrize("version", range(6))
async def test_groups_are_listed_in_every_version(client: RawClient, version: int) -> None:
    await coordinated(client)
    await settle(client)

    response = await client.ask(ListGroupsRequest(), version, ListGroupsResponse)

    (group,) = response.groups
    assert (group.group_id, group.protocol_type) == ("g", "consumer")
    assert group.group_state == ("Stable" if version >= 4 else "")
    assert group.group_type == ("classic" if version >= 5 else "")


async def test_states_and_types_filter_whatever_their_case(client: RawClient) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    await join_consumer_group(client)

    async def listed(states: list[str], types: list[str]) -> list[str]:
        response = await client.ask(ListGroupsRequest(states, types), 5, ListGroupsResponse)
        return [group.group_id for group in response.groups]

    assert await listed(["stable"], ["Consumer"]) == ["g"]
    assert await listed(["Empty"], []) == []
    assert await listed([], ["classic"]) == []


async def test_a_broker_without_groups_lists_none(client: RawClient) -> None:
    response = await client.ask(ListGroupsRequest(), 5, ListGroupsResponse)

    assert (response.error_code, response.groups) == (0, [])
