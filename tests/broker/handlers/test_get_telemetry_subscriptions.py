import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from broker.protocol.messages.list_config_resources import (
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.telemetry_calls import subscribe, subscribe_to, unsubscribe


async def test_without_a_subscription_a_client_is_asked_for_nothing_and_seldom(
    client: RawClient,
) -> None:
    granted = await subscribe(client)

    assert granted.requested_metrics == []
    assert (granted.push_interval_ms, granted.telemetry_max_bytes) == (300_000, 1_048_576)
    assert granted.accepted_compression_types == [4, 3, 1, 2]
    assert granted.client_instance_id != bytes(16)


async def test_a_client_gets_what_all_subscriptions_that_match_it_want(client: RawClient) -> None:
    await client.ask(
        ApiVersionsRequest(client_software_name="some-java", client_software_version="4.2.0"),
        4,
        ApiVersionsResponse,
    )
    await subscribe_to(client, "java", "a,b", 5000, "client_software_name=.*java,client_id=raw")
    await subscribe_to(client, "old", "c", 1000, "client_software_version=3\\..*")
    await subscribe_to(client, "here", "d", 9000, "client_source_address=127\\.0\\.0\\.1")

    granted = await subscribe(client)

    assert granted.requested_metrics == ["a", "b", "d"]
    assert granted.push_interval_ms == 5000


async def test_a_subscription_may_name_the_port_of_a_client(
    client: RawClient, broker: RunningBroker
) -> None:
    async with await RawClient.connect(broker.host, broker.port) as other:
        await subscribe_to(client, "one", "a", 5000, f"client_source_port={client.port}")

        mine, others = await subscribe(client), await subscribe(other)

    assert mine.requested_metrics == ["a"]
    assert others.requested_metrics == []


async def test_all_metrics_are_more_than_some(client: RawClient) -> None:
    await subscribe_to(client, "some", "a")
    await subscribe_to(client, "all", "*")

    assert (await subscribe(client)).requested_metrics == ["*"]


async def test_a_client_that_asks_again_too_early_is_throttled(client: RawClient) -> None:
    granted = await subscribe(client)

    again = await subscribe(client, granted.client_instance_id)

    assert again.error_code == ErrorCode.THROTTLING_QUOTA_EXCEEDED


@pytest.mark.parametrize(
    ("interval_ms", "match", "code"),
    [
        (99, "", ErrorCode.INVALID_REQUEST),
        (3_600_001, "", ErrorCode.INVALID_REQUEST),
        ("often", "", ErrorCode.INVALID_CONFIG),
        (1000, "client_id", ErrorCode.INVALID_CONFIG),
        (1000, "colour=red", ErrorCode.INVALID_CONFIG),
        (1000, "client_id=(", ErrorCode.INVALID_CONFIG),
    ],
)
async def test_a_subscription_that_cannot_be_is_refused(
    client: RawClient, interval_ms: int | str, match: str, code: ErrorCode
) -> None:
    assert await subscribe_to(client, "some", "a", interval_ms, match) == code


async def test_subscriptions_are_listed_until_they_have_no_setting_left(client: RawClient) -> None:
    await subscribe_to(client, "some", "a")
    await subscribe_to(client, "more", "a")
    await unsubscribe(client, "more")

    listed = await client.ask(ListConfigResourcesRequest(), 0, ListConfigResourcesResponse)

    assert [one.resource_name for one in listed.config_resources] == ["some"]


async def test_clients_hear_of_it_once_anybody_subscribed(client: RawClient) -> None:
    request = ApiVersionsRequest(client_software_name="some", client_software_version="1")

    before = await client.ask(request, 4, ApiVersionsResponse)
    await subscribe_to(client, "some", "a")
    after = await client.ask(request, 4, ApiVersionsResponse)

    keys = {one.api_key for one in after.api_keys}
    assert keys - {one.api_key for one in before.api_keys} == {71, 72}
