"""WriteTxnMarkers (API key 27): ends a producer's transaction in partitions, by hand.

Between brokers the coordinator sends it; here an administrator does, to end a transaction that
hangs (`kafka-transactions --abort`, KIP-664). v2 tells the transaction version (KIP-1228).
Answers per partition: UNKNOWN_TOPIC_OR_PARTITION, INVALID_PRODUCER_EPOCH,
TRANSACTION_COORDINATOR_FENCED, KAFKA_STORAGE_ERROR; UNKNOWN_SERVER_ERROR for what is no producer or
no transaction version, which Kafka 4.2 cannot make a marker of either.
"""

from broker.coordinator.transaction.transaction import Producer
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerPartitionResult,
    WritableTxnMarkerResult,
    WritableTxnMarkerTopicResult,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)
from broker.records.control import ControlType, EndTransactionMarker
from broker.security.acls import Operation, Resource

FIRST_RAISING_VERSION = 2
"""Of transactions: from it on they end with the next epoch."""
_NONE = -1
"""Of ids and epochs: there is no producer."""


async def write_txn_markers(
    request: WriteTxnMarkersRequest, context: RequestContext
) -> WriteTxnMarkersResponse:
    results = []
    for marker in request.markers:
        topics = [
            WritableTxnMarkerTopicResult(
                topic.name,
                [
                    WritableTxnMarkerPartitionResult(
                        index, await _written(marker, (topic.name, index), context)
                    )
                    for index in topic.partition_indexes
                ],
            )
            for topic in marker.topics
        ]
        if topics:  # Kafka tells markers by the partitions they were written to
            results.append(WritableTxnMarkerResult(marker.producer_id, topics))
    return WriteTxnMarkersResponse(markers=results)


async def _written(
    marker: WritableTxnMarker, where: tuple[str, int], context: RequestContext
) -> int:
    control = ControlType.COMMIT if marker.transaction_result else ControlType.ABORT
    try:
        if not context.is_authorized(Operation.ALTER, Resource.CLUSTER):
            context.require(Operation.CLUSTER_ACTION, Resource.CLUSTER)
        context.services.partitions.get(*where)
        _require_producer(marker)
        await context.services.transactions.write_marker(
            where,
            Producer(marker.producer_id, marker.producer_epoch),
            EndTransactionMarker(control, marker.coordinator_epoch),
            epoch_is_raised=marker.transaction_version >= FIRST_RAISING_VERSION,
        )
    except KafkaError as refusal:
        return refusal.code
    return ErrorCode.NONE


def _require_producer(marker: WritableTxnMarker) -> None:
    if _NONE in (marker.producer_id, marker.producer_epoch) or marker.transaction_version < 0:
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "a marker ends what a producer began")


HANDLER = Handler(
    ApiKey.WRITE_TXN_MARKERS, Versions(1, 2), WriteTxnMarkersRequest, write_txn_markers
)
