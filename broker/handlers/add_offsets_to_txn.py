"""AddOffsetsToTxn (API key 25): a group's offsets will be committed in a transaction.

What joins is the partition of `__consumer_offsets` that keeps the group's offsets.
Answers: INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED (INVALID_PRODUCER_EPOCH before v2),
CONCURRENT_TRANSACTIONS, COORDINATOR_LOAD_IN_PROGRESS, INVALID_REQUEST.
"""

from broker.coordinator.transaction.fencing import code_for
from broker.coordinator.transaction.transaction import Producer
from broker.errors import KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.records import OFFSETS_TOPIC
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.add_offsets_to_txn import (
    AddOffsetsToTxnRequest,
    AddOffsetsToTxnResponse,
)
from broker.security.acls import Operation, Resource


async def add_offsets_to_txn(
    request: AddOffsetsToTxnRequest, context: RequestContext
) -> AddOffsetsToTxnResponse:
    services = context.services
    producer = Producer(request.producer_id, request.producer_epoch)
    try:
        context.require(Operation.WRITE, Resource.TRANSACTIONAL_ID, request.transactional_id)
        context.require(Operation.READ, Resource.GROUP, request.group_id)
        await services.cluster.ensure_internal_topic(OFFSETS_TOPIC)
        index = services.groups.coordinator_partition(request.group_id)
        await services.transactions.add_partitions(
            request.transactional_id, producer, frozenset({(OFFSETS_TOPIC, index)})
        )
    except KafkaError as refusal:
        return AddOffsetsToTxnResponse(error_code=code_for(refusal, context.api_version))
    return AddOffsetsToTxnResponse()


HANDLER = Handler(
    ApiKey.ADD_OFFSETS_TO_TXN, Versions(0, 4), AddOffsetsToTxnRequest, add_offsets_to_txn
)
