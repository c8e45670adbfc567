"""ListOffsets (API key 2): the first and last offset of partitions, and offsets by timestamp.

v4 adds leader epochs, v6 is flexible, v7 adds -3 (KIP-734), v8 -4 (KIP-405), v9 -5 (KIP-1005),
v11 -6 (KIP-1023). Without tiered storage -4 is the log start and -5 and -6 find nothing.
"""

from collections import Counter

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.partition.catching_up import CatchingUp
from broker.partition.partition import Partition
from broker.partition.wishes import ReadEnd
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
)
from broker.security.acls import Operation, Resource

LATEST = -1
EARLIEST = -2
MAX_TIMESTAMP = -3
EARLIEST_LOCAL = -4
LATEST_TIERED = -5
EARLIEST_PENDING_UPLOAD = -6
NEEDING_NO_END = (EARLIEST, EARLIEST_LOCAL, LATEST_TIERED, EARLIEST_PENDING_UPLOAD)
FIRST_VERSION_OF = {MAX_TIMESTAMP: 7, EARLIEST_LOCAL: 8, LATEST_TIERED: 9}
FIRST_VERSION_OF[EARLIEST_PENDING_UPLOAD] = 11
READ_UNCOMMITTED, READ_COMMITTED = 0, 1


async def list_offsets(request: ListOffsetsRequest, context: RequestContext) -> ListOffsetsResponse:
    end = ReadEnd.HIGH_WATERMARK
    if request.replica_id >= 0:
        end = ReadEnd.LOG_END
    elif request.isolation_level not in (READ_UNCOMMITTED, READ_COMMITTED):
        return _refused_wholly(request)
    elif request.isolation_level == READ_COMMITTED:
        end = ReadEnd.LAST_STABLE_OFFSET
    times_asked = Counter(
        (topic.name, wanted.partition_index)
        for topic in request.topics
        for wanted in topic.partitions
    )
    found: dict[str, dict[int, ListOffsetsPartitionResponse]] = {}
    catching_up = CatchingUp(context.begins_to_wait)
    for topic in request.topics:
        answers = found.setdefault(topic.name, {})
        for wanted in topic.partitions:
            index = wanted.partition_index
            try:
                context.require(Operation.DESCRIBE, Resource.TOPIC, topic.name)
                _check(wanted, times_asked[topic.name, index], context.api_version)
                partition = context.services.partitions.get(topic.name, index)
                partition.check_usable(wanted.current_leader_epoch)
                answers[index] = await _find(partition, wanted, end, catching_up)
            except KafkaError as refusal:
                answers[index] = ListOffsetsPartitionResponse(index, refusal.code)
    return ListOffsetsResponse(
        topics=[
            ListOffsetsTopicResponse(name, list(answers.values()))
            for name, answers in found.items()
        ]
    )


def _refused_wholly(request: ListOffsetsRequest) -> ListOffsetsResponse:
    """What Kafka answers to an isolation level that there is not."""
    return ListOffsetsResponse(
        topics=[
            ListOffsetsTopicResponse(
                topic.name,
                [
                    ListOffsetsPartitionResponse(
                        wanted.partition_index, ErrorCode.UNKNOWN_SERVER_ERROR
                    )
                    for wanted in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


def _check(wanted: ListOffsetsPartition, times_asked: int, version: int) -> None:
    """Refuse what this version of the request cannot ask of a partition."""
    if times_asked > 1:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "partition asked more than once")
    timestamp = wanted.timestamp
    if version < FIRST_VERSION_OF.get(timestamp, 0) or timestamp < EARLIEST_PENDING_UPLOAD:
        raise KafkaError(
            ErrorCode.UNSUPPORTED_VERSION, f"timestamp {timestamp} in ListOffsets v{version}"
        )


async def _find(
    partition: Partition, wanted: ListOffsetsPartition, end: ReadEnd, catching_up: CatchingUp
) -> ListOffsetsPartitionResponse:
    if end is not ReadEnd.LOG_END and wanted.timestamp not in NEEDING_NO_END:
        await catching_up.wait_for(partition)
    answer = ListOffsetsPartitionResponse(wanted.partition_index, ErrorCode.NONE)
    timestamp = wanted.timestamp
    if timestamp == LATEST:
        answer.offset = partition.end_for(end)
        answer.leader_epoch = partition.leader_epoch
    elif timestamp in (EARLIEST, EARLIEST_LOCAL):
        answer.offset = partition.log_start_offset
        answer.leader_epoch = partition.epoch_of(answer.offset)
    elif timestamp not in (LATEST_TIERED, EARLIEST_PENDING_UPLOAD):
        if timestamp == MAX_TIMESTAMP:
            found = await partition.max_timestamp_offset()
        else:
            found = await partition.offset_for_timestamp(timestamp)
        if found is not None and found.offset < partition.end_for(end):
            answer.timestamp, answer.offset, answer.leader_epoch = found
    return answer


HANDLER = Handler(
    ApiKey.LIST_OFFSETS,
    versions=Versions(1, 11),
    request_type=ListOffsetsRequest,
    handle=list_offsets,
    tells_waits=True,
)
