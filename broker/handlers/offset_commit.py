"""OffsetCommit (API key 8): a group remembers how far it has read.

v2-v4 may say how long to keep the offsets, v6 adds leader epochs, v7 static members, v9 KIP-848
member epochs, v10 names topics by id (KIP-848). Answered when the offsets are on disk.
Answers for each partition: UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID, OFFSET_METADATA_TOO_LARGE;
for all others alike: GROUP_ID_NOT_FOUND, INVALID_GROUP_ID, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID,
ILLEGAL_GENERATION, STALE_MEMBER_EPOCH, REBALANCE_IN_PROGRESS, NOT_COORDINATOR,
COORDINATOR_LOAD_IN_PROGRESS.
"""

from collections.abc import Sequence

from broker.coordinator.group.offset_messages import OffsetCommit, OffsetToCommit
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
    OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
)
from broker.security.acls import Operation, Resource

_TOPIC_IDS_SINCE = 10


async def offset_commit(
    request: OffsetCommitRequest, context: RequestContext
) -> OffsetCommitResponse:
    try:
        context.require(Operation.READ, Resource.GROUP, request.group_id)
    except KafkaError as refusal:
        return _response(request, [[refusal.code] * len(t.partitions) for t in request.topics], [])
    names = [_topic_name(topic, context) for topic in request.topics]
    refusals = [
        [_refusal(name, partition.partition_index, context) for partition in topic.partitions]
        for name, topic in zip(names, request.topics, strict=True)
    ]
    offsets = tuple(
        OffsetToCommit(
            topic=name,
            partition=partition.partition_index,
            offset=partition.committed_offset,
            leader_epoch=partition.committed_leader_epoch,
            metadata=partition.committed_metadata or "",
            topic_id=topic.topic_id,
        )
        for name, topic, refused in zip(names, request.topics, refusals, strict=True)
        for partition, why in zip(topic.partitions, refused, strict=True)
        if name is not None and why is None
    )
    commit = OffsetCommit(
        group_id=request.group_id,
        generation=request.generation_id_or_member_epoch,
        member_id=request.member_id,
        group_instance_id=request.group_instance_id,
        offsets=offsets,
        retention_ms=request.retention_time_ms,
        api_version=context.api_version,
    )
    try:
        errors = await context.services.groups.commit_offsets(commit) if offsets else []
    except KafkaError as refusal:
        errors = [refusal.code] * len(offsets)
    return _response(request, refusals, errors)


def _topic_name(topic: OffsetCommitRequestTopic, context: RequestContext) -> str | None:
    """The name, from v10 on by its id; None if no topic has that id."""
    if context.api_version < _TOPIC_IDS_SINCE:
        return topic.name
    return context.services.cluster.image.names_by_id.get(topic.topic_id)


def _refusal(topic: str | None, partition: int, context: RequestContext) -> ErrorCode | None:
    if topic is None:
        return ErrorCode.UNKNOWN_TOPIC_ID
    return context.refusal_of_offset(topic, partition)


def _response(
    request: OffsetCommitRequest,
    refusals: Sequence[Sequence[ErrorCode | None]],
    errors: list[ErrorCode],
) -> OffsetCommitResponse:
    remaining = iter(errors)
    response = OffsetCommitResponse()
    for refused, topic in zip(refusals, request.topics, strict=True):
        partitions = [
            OffsetCommitResponsePartition(
                partition_index=partition.partition_index,
                error_code=next(remaining) if why is None else why,
            )
            for partition, why in zip(topic.partitions, refused, strict=True)
        ]
        response.topics.append(
            OffsetCommitResponseTopic(
                name=topic.name, topic_id=topic.topic_id, partitions=partitions
            )
        )
    return response


HANDLER = Handler(ApiKey.OFFSET_COMMIT, Versions(2, 10), OffsetCommitRequest, offset_commit)
