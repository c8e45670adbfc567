from broker.errors import ErrorCode
from broker.protocol.messages.list_config_resources import (
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)
from tests.support.raw_client import RawClient
from tests.support.topic_calls import make_topic

TOPIC, BROKER = 2, 4


async def listed(client: RawClient, *types: int, version: int = 1) -> ListConfigResourcesResponse:
    request = ListConfigResourcesRequest(list(types))
    return await client.ask(request, version, ListConfigResourcesResponse)


async def test_resources_are_listed_by_type(client: RawClient) -> None:
    await make_topic(client, "pages")

    response = await listed(client, BROKER, TOPIC)

    found = [(one.resource_type, one.resource_name) for one in response.config_resources]
    assert found == [(TOPIC, "pages"), (BROKER, "1")]


async def test_v0_lists_client_metrics_of_which_there_are_none(client: RawClient) -> None:
    assert (await listed(client, version=0)).config_resources == []


async def test_an_unknown_type_is_refused(client: RawClient) -> None:
    assert (await listed(client, 99)).error_code == ErrorCode.UNSUPPORTED_VERSION
