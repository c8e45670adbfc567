"""DeleteRecords (API key 21): moves the log start of partitions forward (KIP-107); -1: all.

Answers: OFFSET_OUT_OF_RANGE above the high watermark, POLICY_VIOLATION for compacted topics.
"""

from collections.abc import Iterable

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.records import INTERNAL_TOPICS
from broker.partition.catching_up import CatchingUp
from broker.partition.partition import Partition
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsPartitionResult,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopic,
    DeleteRecordsTopicResult,
)
from broker.security.acls import Operation, Resource

INVALID_LOW_WATERMARK = -1


async def delete_records(
    request: DeleteRecordsRequest, context: RequestContext
) -> DeleteRecordsResponse:
    response = DeleteRecordsResponse()
    catching_up = CatchingUp(context.begins_to_wait)
    offsets: dict[Partition, int] = {}
    answers: dict[Partition, DeleteRecordsPartitionResult] = {}
    for topic in _merged(request.topics):
        result = DeleteRecordsTopicResult(topic.name)
        for wanted in topic.partitions:
            answer = DeleteRecordsPartitionResult(
                wanted.partition_index, INVALID_LOW_WATERMARK, ErrorCode.NONE
            )
            try:
                partition = _deletable(context, topic.name, wanted.partition_index)
                await catching_up.wait_for(partition)
                offsets[partition] = partition.deletable_up_to(wanted.offset)
                answers[partition] = answer
            except KafkaError as refusal:
                answer.error_code = refusal.code
            result.partitions.append(answer)
        response.topics.append(result)
    refusals = await context.services.partitions.delete_records_before(offsets)
    for partition, answer in answers.items():
        if partition in refusals:
            answer.error_code = refusals[partition].code
        else:
            answer.low_watermark = partition.log_start_offset
    return response


def _deletable(context: RequestContext, topic: str, index: int) -> Partition:
    """The partition, if this client may delete records of it, and anybody may."""
    context.require(Operation.DELETE, Resource.TOPIC, topic)
    partition = context.services.partitions.get(topic, index)
    if topic in INTERNAL_TOPICS:
        raise KafkaError(
            ErrorCode.INVALID_TOPIC_EXCEPTION, f"Cannot delete records of internal topic {topic}"
        )
    if not partition.log.config.deletes:
        raise KafkaError(ErrorCode.POLICY_VIOLATION, f"{topic} has no cleanup.policy delete")
    return partition


def _merged(topics: Iterable[DeleteRecordsTopic]) -> Iterable[DeleteRecordsTopic]:
    """Each topic and partition once; the last of several wishes for one counts, as in Kafka."""
    wishes: dict[str, dict[int, DeleteRecordsPartition]] = {}
    for topic in topics:
        of_topic = wishes.setdefault(topic.name, {})
        of_topic.update((wanted.partition_index, wanted) for wanted in topic.partitions)
    return [
        DeleteRecordsTopic(name, list(of_topic.values()))
        for name, of_topic in wishes.items()
        if of_topic
    ]


HANDLER = Handler(
    ApiKey.DELETE_RECORDS,
    versions=Versions(0, 2),
    request_type=DeleteRecordsRequest,
    handle=delete_records,
)
