"""InitProducerId (API key 22): gives a producer its id and epoch (KIP-98).

Without a transactional id: a fresh id and epoch 0, always (idempotent producer). With one: the
transaction coordinator's, which fences whoever had it before. v3 bumps a known epoch (KIP-360).
"""

from broker.coordinator.transaction.fencing import code_for
from broker.coordinator.transaction.transaction import (
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    Producer,
)
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.init_producer_id import (
    InitProducerIdRequest,
    InitProducerIdResponse,
)
from broker.security.acls import Operation, Resource

FENCED_SINCE_VERSION = 4  # KIP-588


async def init_producer_id(
    request: InitProducerIdRequest, context: RequestContext
) -> InitProducerIdResponse:
    services = context.services
    try:
        _check_rights(request.transactional_id, context)
        expected = _expected(request)
        if request.transactional_id is None:
            producer = Producer(await services.cluster.next_producer_id(), 0)
        else:
            producer = await services.transactions.init_producer_id(
                request.transactional_id, request.transaction_timeout_ms, expected
            )
    except KafkaError as refusal:
        code = code_for(refusal, context.api_version, known_since=FENCED_SINCE_VERSION)
        return InitProducerIdResponse(error_code=code, producer_id=-1, producer_epoch=-1)
    return InitProducerIdResponse(producer_id=producer.id, producer_epoch=producer.epoch)


def _expected(request: InitProducerIdRequest) -> Producer | None:
    """Who the producer says it is; None when it begins."""
    named = Producer(request.producer_id, request.producer_epoch)
    if named == Producer(NO_PRODUCER_ID, NO_PRODUCER_EPOCH):
        return None
    if named.id == NO_PRODUCER_ID or named.epoch == NO_PRODUCER_EPOCH:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "half of a producer's identity")
    return named


def _check_rights(transactional_id: str | None, context: RequestContext) -> None:
    """Whoever may write anything may be idempotent (KIP-679)."""
    if transactional_id is not None:
        context.require(Operation.WRITE, Resource.TRANSACTIONAL_ID, transactional_id)
    elif not context.is_authorized_anywhere(Operation.WRITE, Resource.TOPIC):
        context.require(Operation.IDEMPOTENT_WRITE, Resource.CLUSTER)


HANDLER = Handler(
    ApiKey.INIT_PRODUCER_ID,
    versions=Versions(0, 5),
    request_type=InitProducerIdRequest,
    handle=init_producer_id,
)
