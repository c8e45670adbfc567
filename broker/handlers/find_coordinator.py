"""FindCoordinator (API key 10): who coordinates a group (0), a transactional id (1),
a share partition (2; key `group:topic id:partition`).

v3 is flexible, v4 asks for several keys at once. On one node it is always this broker; the
coordinators' topic is made when it is asked for the first time.
"""

from dataclasses import replace

from broker.coordinator.share.records import is_share_key
from broker.errors import MALFORMED, ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, refusal_of
from broker.metadata.records import OFFSETS_TOPIC, SHARE_STATE_TOPIC, TRANSACTIONS_TOPIC
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.find_coordinator import (
    Coordinator,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)
from broker.security.acls import Operation, Resource

TOPIC_OF_KEY_TYPE = {0: OFFSETS_TOPIC, 1: TRANSACTIONS_TOPIC, 2: SHARE_STATE_TOPIC}
RESOURCE_OF_KEY_TYPE = {0: Resource.GROUP, 1: Resource.TRANSACTIONAL_ID}
FIRST_VERSION_WITH_MANY = 4
FIRST_VERSION_WITH_SHARES = 6


async def find_coordinator(
    request: FindCoordinatorRequest, context: RequestContext
) -> FindCoordinatorResponse:
    many = context.api_version >= FIRST_VERSION_WITH_MANY
    keys = request.coordinator_keys if many else [request.key]
    refusals = [_refusal(key, request.key_type, context) for key in keys]
    unavailable = None
    if None in refusals:  # a topic is made for no key that is refused, as in Kafka
        unavailable = await _prepare(TOPIC_OF_KEY_TYPE[request.key_type], context)
    found = [
        _answer(key, refusal or unavailable, context)
        for key, refusal in zip(keys, refusals, strict=True)
    ]
    if many:
        if request.key_type in TOPIC_OF_KEY_TYPE:  # error codes alone, as in Kafka
            found = [replace(one, error_message="") for one in found]
        return FindCoordinatorResponse(coordinators=found)
    (only,) = found
    return FindCoordinatorResponse(
        error_code=only.error_code,
        error_message=only.error_message or "NONE",  # Kafka's own word for no error
        node_id=only.node_id,
        host=only.host,
        port=only.port,
    )


async def _prepare(topic: str, context: RequestContext) -> KafkaError | None:
    """Make the coordinators' topic if it is not there; why it cannot be used, if so."""
    try:
        await context.services.cluster.ensure_internal_topic(topic)
    except KafkaError:
        return KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, "The coordinator is not available.")
    return None


def _answer(key: str, refusal: KafkaError | None, context: RequestContext) -> Coordinator:
    if refusal is not None:
        return Coordinator(key, -1, "", -1, refusal.code, refusal.message)
    listener = context.listener
    node_id = context.services.cluster.node_id
    return Coordinator(key, node_id, listener.host, listener.port, ErrorCode.NONE, None)


def _refusal(key: str, key_type: int, context: RequestContext) -> KafkaError | None:
    is_share = TOPIC_OF_KEY_TYPE.get(key_type) == SHARE_STATE_TOPIC
    is_too_early = is_share and context.api_version < FIRST_VERSION_WITH_SHARES
    if key_type not in TOPIC_OF_KEY_TYPE or is_too_early:
        return KafkaError(ErrorCode.INVALID_REQUEST, MALFORMED)
    refusal = _unauthorized(key, key_type, context)
    if refusal is None and is_share and not is_share_key(key):
        refusal = KafkaError(ErrorCode.INVALID_REQUEST, MALFORMED)
    return refusal


def _unauthorized(key: str, key_type: int, context: RequestContext) -> KafkaError | None:
    """Why this client may not know; share partitions are asked for by brokers only."""
    resource = RESOURCE_OF_KEY_TYPE.get(key_type)
    if resource is None:
        allowed = context.is_authorized(Operation.CLUSTER_ACTION, Resource.CLUSTER)
        return None if allowed else refusal_of(Resource.CLUSTER)
    allowed = context.is_authorized(Operation.DESCRIBE, resource, key)
    return None if allowed else refusal_of(resource)


HANDLER = Handler(
    ApiKey.FIND_COORDINATOR,
    versions=Versions(0, 6),
    request_type=FindCoordinatorRequest,
    handle=find_coordinator,
)
