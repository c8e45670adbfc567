"""The calls that tests of client metrics begin with: subscribe clients, ask, push."""

from broker.errors import ErrorCode
from broker.metadata.image import ResourceType
from broker.protocol.messages import incremental_alter_configs
from broker.protocol.messages.get_telemetry_subscriptions import (
    GetTelemetrySubscriptionsRequest,
    GetTelemetrySubscriptionsResponse,
)
from broker.protocol.messages.push_telemetry import PushTelemetryRequest, PushTelemetryResponse
from broker.protocol.primitives import ZERO_UUID
from tests.support.raw_client import RawClient


async def subscribe_to(
    client: RawClient,
    name: str,
    metrics: str = "*",
    interval_ms: int | str = 60_000,
    match: str = "",
) -> int:
    """Make or change a subscription; its error code."""
    values: dict[str, str | None] = {"metrics": metrics, "interval.ms": str(interval_ms)}
    return await _alter(client, name, values | ({"match": match} if match else {}))


async def unsubscribe(client: RawClient, name: str) -> None:
    """Take all settings of the subscription away, as Kafka's tool deletes it."""
    gone = dict.fromkeys(("metrics", "interval.ms", "match"))
    assert await _alter(client, name, {**gone}) == ErrorCode.NONE


async def _alter(client: RawClient, name: str, values: dict[str, str | None]) -> int:
    """Give settings values, or take them away; the error code."""
    resource = incremental_alter_configs.AlterConfigsResource(
        int(ResourceType.CLIENT_METRICS),
        name,
        [
            incremental_alter_configs.AlterableConfig(key, 0 if value else 1, value)
            for key, value in values.items()
        ],
    )
    response = await client.ask(
        incremental_alter_configs.IncrementalAlterConfigsRequest([resource]),
        1,
        incremental_alter_configs.IncrementalAlterConfigsResponse,
    )
    return response.responses[0].error_code


async def subscribe(
    client: RawClient, instance_id: bytes = ZERO_UUID
) -> GetTelemetrySubscriptionsResponse:
    """What the client is asked to push."""
    request = GetTelemetrySubscriptionsRequest(instance_id)
    return await client.ask(request, 0, GetTelemetrySubscriptionsResponse)


async def push(
    client: RawClient,
    granted: GetTelemetrySubscriptionsResponse,
    data: bytes,
    codec: int = 0,
    *,
    is_last: bool = False,
) -> int:
    """The error code of a push under what was granted."""
    assert granted.error_code == ErrorCode.NONE
    request = PushTelemetryRequest(
        granted.client_instance_id, granted.subscription_id, is_last, codec, data
    )
    return (await client.ask(request, 0, PushTelemetryResponse)).error_code
