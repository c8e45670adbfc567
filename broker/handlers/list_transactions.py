"""ListTransactions (API key 66): all transactional ids that pass the filters (KIP-664).

v1 adds a filter by how long a transaction is open, v2 one by a regular expression (KIP-1152).
Answers: INVALID_REGULAR_EXPRESSION, COORDINATOR_LOAD_IN_PROGRESS.
"""

from typing import Any

from broker.coordinator.transaction.transaction import Transaction, TransactionState
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages import list_transactions as messages
from broker.security.acls import Operation, Resource

KNOWN_STATES = {state.title for state in TransactionState} | {"PrepareEpochFence"}


async def list_transactions(
    request: messages.ListTransactionsRequest, context: RequestContext
) -> messages.ListTransactionsResponse:
    named = dict.fromkeys(request.state_filters)
    unknown = [state for state in named if state not in KNOWN_STATES]
    try:
        pattern = _compiled(request.transactional_id_pattern)
        found = [
            messages.TransactionState(each.transactional_id, each.producer.id, each.state.title)
            for each in context.services.transactions.all()
            if _passes(each, request, context.now_ms)
            and (pattern is None or pattern.fullmatch(each.transactional_id))
            and context.is_authorized(
                Operation.DESCRIBE, Resource.TRANSACTIONAL_ID, each.transactional_id
            )
        ]
    except KafkaError as refusal:
        return messages.ListTransactionsResponse(error_code=refusal.code)
    return messages.ListTransactionsResponse(
        unknown_state_filters=unknown, transaction_states=found
    )


def _compiled(pattern: str | None) -> Any | None:
    if not pattern:
        return None
    import re2  # 3 MB that only expressions need

    try:
        return re2.compile(pattern)
    except re2.error as error:
        message = f"transactional id pattern {pattern!r}: {error}"
        raise KafkaError(ErrorCode.INVALID_REGULAR_EXPRESSION, message) from error


def _passes(
    transaction: Transaction, request: messages.ListTransactionsRequest, now_ms: int
) -> bool:
    if request.state_filters and transaction.state.title not in request.state_filters:
        return False
    if request.producer_id_filters and transaction.producer.id not in request.producer_id_filters:
        return False
    if request.duration_filter < 0:
        return True
    # What never started counts as running since 1970: in Apache Kafka an Empty one passes as well.
    return now_ms - transaction.started_at_ms > request.duration_filter


HANDLER = Handler(
    ApiKey.LIST_TRANSACTIONS, Versions(0, 2), messages.ListTransactionsRequest, list_transactions
)
