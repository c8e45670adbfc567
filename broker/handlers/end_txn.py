"""EndTxn (API key 26): commits or aborts the transaction of a producer.

v5 raises the producer's epoch at each end and answers the new identity (KIP-890).
Answers: INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED (INVALID_PRODUCER_EPOCH before v2),
INVALID_TXN_STATE, CONCURRENT_TRANSACTIONS, COORDINATOR_LOAD_IN_PROGRESS, INVALID_REQUEST.
"""

from broker.coordinator.transaction.fencing import code_for
from broker.coordinator.transaction.transaction import TRANSACTION_VERSION_2, EndRequest, Producer
from broker.errors import KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.end_txn import EndTxnRequest, EndTxnResponse
from broker.security.acls import Operation, Resource

EPOCH_RAISING_SINCE = 5


async def end_txn(request: EndTxnRequest, context: RequestContext) -> EndTxnResponse:
    producer = Producer(request.producer_id, request.producer_epoch)
    version = TRANSACTION_VERSION_2 if context.api_version >= EPOCH_RAISING_SINCE else 0
    try:
        context.require(Operation.WRITE, Resource.TRANSACTIONAL_ID, request.transactional_id)
        owner = await context.services.transactions.end(
            request.transactional_id, EndRequest(producer, request.committed, version)
        )
    except KafkaError as refusal:
        return EndTxnResponse(error_code=code_for(refusal, context.api_version))
    return EndTxnResponse(producer_id=owner.id, producer_epoch=owner.epoch)


HANDLER = Handler(ApiKey.END_TXN, Versions(0, 5), EndTxnRequest, end_txn)
