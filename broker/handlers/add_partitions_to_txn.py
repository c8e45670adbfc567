"""AddPartitionsToTxn (API key 24): partitions join a producer's transaction.

Up to v3 for clients: one transaction, all or nothing. From v4 on for brokers: several transactions,
and `verify_only` asks whether partitions are in one already (KIP-890).
Answers: UNKNOWN_TOPIC_OR_PARTITION with OPERATION_NOT_ATTEMPTED for the partitions beside it,
INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED (INVALID_PRODUCER_EPOCH before v2),
CONCURRENT_TRANSACTIONS, TRANSACTION_ABORTABLE, COORDINATOR_LOAD_IN_PROGRESS, INVALID_REQUEST.
"""

from broker.coordinator.transaction.fencing import code_for
from broker.coordinator.transaction.transaction import Producer, TopicPartition
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnPartitionResult,
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult,
    AddPartitionsToTxnTopicResult,
    AddPartitionsToTxnTransaction,
)
from broker.security.acls import Operation, Resource

BATCHED_SINCE = 4


async def add_partitions_to_txn(
    request: AddPartitionsToTxnRequest, context: RequestContext
) -> AddPartitionsToTxnResponse:
    if context.api_version >= BATCHED_SINCE:
        if not context.is_authorized(Operation.CLUSTER_ACTION, Resource.CLUSTER):
            return AddPartitionsToTxnResponse(error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
        results = [
            AddPartitionsToTxnResult(each.transactional_id, await _added(each, context))
            for each in request.transactions
        ]
        return AddPartitionsToTxnResponse(results_by_transaction=results)
    single = AddPartitionsToTxnTransaction(
        transactional_id=request.v3_and_below_transactional_id,
        producer_id=request.v3_and_below_producer_id,
        producer_epoch=request.v3_and_below_producer_epoch,
        topics=request.v3_and_below_topics,
    )
    transactional_id = single.transactional_id
    if context.is_authorized(Operation.WRITE, Resource.TRANSACTIONAL_ID, transactional_id):
        answers = await _added(single, context)
    else:
        code = ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        answers = _answer(single, dict.fromkeys(_partitions(single), code))
    return AddPartitionsToTxnResponse(results_by_topic_v3_and_below=answers)


def _partitions(wish: AddPartitionsToTxnTransaction) -> list[TopicPartition]:
    return [(topic.name, index) for topic in wish.topics for index in topic.partitions]


async def _added(
    wish: AddPartitionsToTxnTransaction, context: RequestContext
) -> list[AddPartitionsToTxnTopicResult]:
    services = context.services
    asked = _partitions(wish)
    refused = {where: code for where in asked if (code := _refusal(where, context))}
    if refused:
        return _answer(
            wish, {where: refused.get(where, ErrorCode.OPERATION_NOT_ATTEMPTED) for where in asked}
        )
    producer = Producer(wish.producer_id, wish.producer_epoch)
    if wish.verify_only:
        return _answer(wish, {where: _verified(wish, producer, where, context) for where in asked})
    outcome: int = ErrorCode.NONE
    try:
        await services.transactions.add_partitions(
            wish.transactional_id, producer, frozenset(asked)
        )
    except KafkaError as refusal:
        outcome = code_for(refusal, context.api_version)
    return _answer(wish, dict.fromkeys(asked, outcome))


def _refusal(where: TopicPartition, context: RequestContext) -> int:
    """Why this partition cannot be written to by this client; NONE (0) when it can."""
    try:
        if context.api_version < BATCHED_SINCE:
            context.require(Operation.WRITE, Resource.TOPIC, where[0])
        context.services.partitions.get(*where)
    except KafkaError as refusal:
        return refusal.code
    return ErrorCode.NONE


def _verified(
    wish: AddPartitionsToTxnTransaction,
    producer: Producer,
    where: TopicPartition,
    context: RequestContext,
) -> int:
    try:
        context.services.transactions.verify_partitions(wish.transactional_id, producer, where)
    except KafkaError as refusal:
        return refusal.code
    return ErrorCode.NONE


def _answer(
    wish: AddPartitionsToTxnTransaction, codes: dict[TopicPartition, int]
) -> list[AddPartitionsToTxnTopicResult]:
    return [
        AddPartitionsToTxnTopicResult(
            topic.name,
            [
                AddPartitionsToTxnPartitionResult(index, codes[topic.name, index])
                for index in topic.partitions
            ],
        )
        for topic in wish.topics
    ]


HANDLER = Handler(
    ApiKey.ADD_PARTITIONS_TO_TXN, Versions(0, 5), AddPartitionsToTxnRequest, add_partitions_to_txn
)
