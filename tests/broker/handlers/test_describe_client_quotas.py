import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.describe_client_quotas import (
    ComponentData,
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
)
from tests.support.raw_client import RawClient
from tests.support.security_calls import set_quota

EXACT, DEFAULT, SPECIFIED = range(3)


async def asked(
    client: RawClient, *components: tuple[str, int, str | None], strict: bool = False
) -> DescribeClientQuotasResponse:
    parts = [ComponentData(*component) for component in components]
    request = DescribeClientQuotasRequest(parts, strict)
    return await client.ask(request, 1, DescribeClientQuotasResponse)


@pytest.mark.parametrize(
    ("components", "strict", "rates"),
    [
        ([], False, {1, 2, 3, 4}),
        ([("user", EXACT, "ann")], False, {1, 2}),
        ([("user", EXACT, "ann")], True, {1}),
        ([("user", DEFAULT, None)], True, {3}),
        ([("user", SPECIFIED, None)], False, {1, 2, 3}),
        ([("client-id", SPECIFIED, None)], True, {4}),
        ([("user", EXACT, "ann"), ("client-id", SPECIFIED, None)], True, {2}),
        ([("user", EXACT, "nobody")], False, set()),
    ],
)
async def test_a_filter_finds_the_entities_it_means(
    client: RawClient,
    components: list[tuple[str, int, str | None]],
    strict: bool,
    rates: set[int],
) -> None:
    await set_quota(client, {"user": "ann"}, producer_byte_rate=1.0)
    await set_quota(client, {"user": "ann", "client-id": "web"}, producer_byte_rate=2.0)
    await set_quota(client, {"user": None}, producer_byte_rate=3.0)
    await set_quota(client, {"client-id": "web"}, producer_byte_rate=4.0)

    response = await asked(client, *components, strict=strict)

    assert response.error_code == ErrorCode.NONE
    assert {entry.values[0].value for entry in response.entries or []} == rates


@pytest.mark.parametrize(
    ("components", "code"),
    [
        ([("planet", EXACT, "mars")], ErrorCode.UNSUPPORTED_VERSION),
        ([("", EXACT, "mars")], ErrorCode.INVALID_REQUEST),
        ([("user", EXACT, None)], ErrorCode.INVALID_REQUEST),
        ([("user", DEFAULT, "ann")], ErrorCode.INVALID_REQUEST),
        ([("user", 3, None)], ErrorCode.INVALID_REQUEST),
        ([("user", EXACT, "a"), ("user", EXACT, "b")], ErrorCode.INVALID_REQUEST),
        ([("user", EXACT, "a"), ("ip", EXACT, "::1")], ErrorCode.INVALID_REQUEST),
    ],
)
async def test_a_filter_that_cannot_be_is_refused(
    client: RawClient, components: list[tuple[str, int, str | None]], code: ErrorCode
) -> None:
    response = await asked(client, *components)

    assert (response.error_code, response.entries) == (code, None)


async def test_quotas_are_told_in_the_order_of_apache_kafka(client: RawClient) -> None:
    rates = {"producer_byte_rate": 1.0, "request_percentage": 2.0, "consumer_byte_rate": 3.0}
    await set_quota(client, {"user": "ann", "client-id": "web"}, False, **rates)

    (entry,) = (await asked(client)).entries or []

    assert [part.entity_type for part in entry.entity] == ["client-id", "user"]
    assert [value.value for value in entry.values] == [3.0, 2.0, 1.0]
