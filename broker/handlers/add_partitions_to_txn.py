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
from broker.handlers.handler import Handler, RequestContext, Services, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnPartitionResult,
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult,
    AddPartitionsToTxnTopicResult,
    AddPartitionsToTxnTransaction,
)

BATCHED_SINCE = 4


async def add_partitions_to_txn(
    request: AddPartitionsToTxnRequest, context: RequestContext
) -> AddPartitionsToTxnResponse:
    if context.api_version >= BATCHED_SINCE:
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
    return AddPartitionsToTxnResponse(results_by_topic_v3_and_below=await _added(single, context))


async def _added(
    wish: AddPartitionsToTxnTransaction, context: RequestContext
) -> list[AddPartitionsToTxnTopicResult]:
    services = context.services
    asked = [(topic.name, index) for topic in wish.topics for index in topic.partitions]
    unknown = {where for where in asked if not _exists(services, where)}
    if unknown:
        codes = {
            where: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            if where in unknown
            else ErrorCode.OPERATION_NOT_ATTEMPTED
            for where in asked
        }
        return _answer(wish, dict(codes))
    producer = Producer(wish.producer_id, wish.producer_epoch)
    if wish.verify_only:
        return _answer(wish, {where: _verified(wish, producer, where, context) for where in asked})
    code: int = ErrorCode.NONE
    try:
        await services.transactions.add_partitions(
            wish.transactional_id, producer, frozenset(asked)
        )
    except KafkaError as refusal:
        code = code_for(refusal, context.api_version)
    return _answer(wish, dict.fromkeys(asked, code))


def _exists(services: Services, where: TopicPartition) -> bool:
    try:
        services.partitions.get(*where)
    except KafkaError:
        return False
    return True


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
