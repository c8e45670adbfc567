"""UnregisterBroker (API key 64): takes a broker that is gone out of the cluster (KIP-500).

Answers BROKER_ID_NOT_REGISTERED; this broker itself is alive and cannot be taken out.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.unregister_broker import (
    UnregisterBrokerRequest,
    UnregisterBrokerResponse,
)
from broker.security.acls import Operation, Resource


async def unregister_broker(
    request: UnregisterBrokerRequest, context: RequestContext
) -> UnregisterBrokerResponse:
    try:
        context.require(Operation.ALTER, Resource.CLUSTER)
        await context.services.cluster.unregister_broker(request.broker_id)
    except KafkaError as refusal:
        return UnregisterBrokerResponse(error_code=refusal.code, error_message=refusal.message)
    return UnregisterBrokerResponse(error_code=ErrorCode.NONE, error_message=None)


HANDLER = Handler(
    ApiKey.UNREGISTER_BROKER,
    versions=Versions(0, 0),
    request_type=UnregisterBrokerRequest,
    handle=unregister_broker,
)
