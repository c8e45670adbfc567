"""WriteTxnMarkers (API key 27): ends a producer's transaction in partitions, by hand.

Between brokers the coordinator sends it; here an administrator does, to end a transaction that
hangs (`kafka-transactions --abort`, KIP-664). v2 tells the transaction version (KIP-1228).
Answers per partition: UNKNOWN_TOPIC_OR_PARTITION, INVALID_PRODUCER_EPOCH,
TRANSACTION_COORDINATOR_FENCED, KAFKA_STORAGE_ERROR.
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
        results.append(WritableTxnMarkerResult(marker.producer_id, topics))
    return WriteTxnMarkersResponse(markers=results)


async def _written(
    marker: WritableTxnMarker, where: tuple[str, int], context: RequestContext
) -> int:
    control = ControlType.COMMIT if marker.transaction_result else ControlType.ABORT
    try:
        if not context.is_authorized(Operation.ALTER, Resource.CLUSTER):
            context.require(Operation.CLUSTER_ACTION, Resource.CLUSTER)
        await context.services.transactions.write_marker(
            where,
            Producer(marker.producer_id, marker.producer_epoch),
            EndTransactionMarker(control, marker.coordinator_epoch),
        )
    except KafkaError as refusal:
        return refusal.code
    return ErrorCode.NONE


HANDLER = Handler(
    ApiKey.WRITE_TXN_MARKERS, Versions(1, 2), WriteTxnMarkersRequest, write_txn_markers
)
