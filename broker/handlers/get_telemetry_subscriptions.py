"""GetTelemetrySubscriptions (API key 71): which of its metrics a client shall push (KIP-714).

The client is given an id of its own when it sends none, and keeps it. Without a subscription that
matches it, it is told an empty list and asks again after five minutes. Counters are asked for as
totals, not as differences: a push that gets lost then costs nothing.
Answers: THROTTLING_QUOTA_EXCEEDED before the interval is over.
"""

from broker.errors import KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.get_telemetry_subscriptions import (
    GetTelemetrySubscriptionsRequest,
    GetTelemetrySubscriptionsResponse,
)
from broker.telemetry.telemetry import ACCEPTED_COMPRESSION


async def get_telemetry_subscriptions(
    request: GetTelemetrySubscriptionsRequest, context: RequestContext
) -> GetTelemetrySubscriptionsResponse:
    telemetry = context.services.telemetry
    try:
        granted = telemetry.subscribe(context.telemetry_client, request.client_instance_id)
    except KafkaError as refusal:
        return GetTelemetrySubscriptionsResponse(error_code=refusal.code)
    return GetTelemetrySubscriptionsResponse(
        client_instance_id=granted.instance_id,
        subscription_id=granted.subscription_id,
        accepted_compression_types=[int(codec) for codec in ACCEPTED_COMPRESSION],
        push_interval_ms=granted.interval_ms,
        telemetry_max_bytes=telemetry.max_bytes,
        delta_temporality=True,
        requested_metrics=list(granted.metrics),
    )


HANDLER = Handler(
    ApiKey.GET_TELEMETRY_SUBSCRIPTIONS,
    Versions(0, 0),
    GetTelemetrySubscriptionsRequest,
    get_telemetry_subscriptions,
)
