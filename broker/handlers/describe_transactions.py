"""DescribeTransactions (API key 65): the state of transactional ids (KIP-664).

Answers per id: TRANSACTIONAL_ID_NOT_FOUND, INVALID_REQUEST, COORDINATOR_LOAD_IN_PROGRESS.
"""

from broker.coordinator.transaction.transaction import Transaction
from broker.errors import KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.describe_transactions import (
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
    TopicData,
    TransactionState,
)
from broker.security.acls import Operation, Resource


async def describe_transactions(
    request: DescribeTransactionsRequest, context: RequestContext
) -> DescribeTransactionsResponse:
    states = []
    for transactional_id in request.transactional_ids:
        try:
            context.require(Operation.DESCRIBE, Resource.TRANSACTIONAL_ID, transactional_id)
            transaction = context.services.transactions.describe(transactional_id)
        except KafkaError as refusal:
            states.append(
                TransactionState(error_code=refusal.code, transactional_id=transactional_id)
            )
        else:
            states.append(_described(transaction, context))
    return DescribeTransactionsResponse(transaction_states=states)


def _described(transaction: Transaction, context: RequestContext) -> TransactionState:
    topics: dict[str, list[int]] = {}
    for topic, index in sorted(transaction.partitions):
        if context.is_authorized(Operation.DESCRIBE, Resource.TOPIC, topic):
            topics.setdefault(topic, []).append(index)
    return TransactionState(
        transactional_id=transaction.transactional_id,
        transaction_state=transaction.state.title,
        transaction_timeout_ms=transaction.timeout_ms,
        transaction_start_time_ms=transaction.started_at_ms,
        producer_id=transaction.producer.id,
        producer_epoch=transaction.producer.epoch,
        topics=[TopicData(topic, indexes) for topic, indexes in topics.items()],
    )


HANDLER = Handler(
    ApiKey.DESCRIBE_TRANSACTIONS, Versions(0, 0), DescribeTransactionsRequest, describe_transactions
)
