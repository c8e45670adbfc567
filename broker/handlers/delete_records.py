"""DeleteRecords (API key 21): moves the log start of partitions forward (KIP-107); -1: all.

Answers: OFFSET_OUT_OF_RANGE above the high watermark, POLICY_VIOLATION for compacted topics.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.delete_records import (
    DeleteRecordsPartitionResult,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopicResult,
)
from broker.security.acls import Operation, Resource

INVALID_LOW_WATERMARK = -1


async def delete_records(
    request: DeleteRecordsRequest, context: RequestContext
) -> DeleteRecordsResponse:
    response = DeleteRecordsResponse()
    for topic in request.topics:
        result = DeleteRecordsTopicResult(topic.name)
        for wanted in topic.partitions:
            answer = DeleteRecordsPartitionResult(
                wanted.partition_index, INVALID_LOW_WATERMARK, ErrorCode.NONE
            )
            try:
                context.require(Operation.DELETE, Resource.TOPIC, topic.name)
                partition = context.services.partitions.get(topic.name, wanted.partition_index)
                if not partition.log.config.deletes:
                    raise KafkaError(
                        ErrorCode.POLICY_VIOLATION, f"{topic.name} has no cleanup.policy delete"
                    )
                answer.low_watermark = await partition.delete_records_before(wanted.offset)
            except KafkaError as refusal:
                answer.error_code = refusal.code
            result.partitions.append(answer)
        response.topics.append(result)
    return response


HANDLER = Handler(
    ApiKey.DELETE_RECORDS,
    versions=Versions(0, 2),
    request_type=DeleteRecordsRequest,
    handle=delete_records,
)
