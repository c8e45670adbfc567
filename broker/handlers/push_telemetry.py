"""PushTelemetry (API key 72): takes the metrics of a client and shows them on /metrics (KIP-714).

Answers: INVALID_REQUEST, THROTTLING_QUOTA_EXCEEDED, UNKNOWN_SUBSCRIPTION_ID, TELEMETRY_TOO_LARGE,
UNSUPPORTED_COMPRESSION_TYPE, INVALID_RECORD.
"""

from broker.errors import KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.push_telemetry import PushTelemetryRequest, PushTelemetryResponse
from broker.telemetry.telemetry import Push


async def push_telemetry(
    request: PushTelemetryRequest, context: RequestContext
) -> PushTelemetryResponse:
    push = Push(
        request.client_instance_id,
        request.subscription_id,
        request.terminating,
        request.compression_type,
        bytes(request.metrics),
    )
    try:
        context.services.telemetry.push(context.telemetry_client, push)
    except KafkaError as refusal:
        return PushTelemetryResponse(error_code=refusal.code)
    return PushTelemetryResponse()


HANDLER = Handler(ApiKey.PUSH_TELEMETRY, Versions(0, 0), PushTelemetryRequest, push_telemetry)
