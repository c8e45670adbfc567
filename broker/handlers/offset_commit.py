"""OffsetCommit (API key 8): a group remembers how far it has read.

v2-v4 may say how long to keep the offsets, v6 adds leader epochs, v7 static members, v9 KIP-848
member epochs, v10 names topics by id (KIP-848). Answered when the offsets are on disk.
Answers for each partition: UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID, OFFSET_METADATA_TOO_LARGE;
for all alike: INVALID_GROUP_ID, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION,
STALE_MEMBER_EPOCH, REBALANCE_IN_PROGRESS, NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS.
"""

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
    names = [_topic_name(topic, context) for topic in request.topics]
    refusals = [_refusal(name, context) for name in names]
    offsets = tuple(
        OffsetToCommit(
            topic=name,
            partition=partition.partition_index,
            offset=partition.committed_offset,
            leader_epoch=partition.committed_leader_epoch,
            metadata=partition.committed_metadata or "",
        )
        for name, topic, refused in zip(names, request.topics, refusals, strict=True)
        if name is not None and refused is None
        for partition in topic.partitions
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
        context.require(Operation.READ, Resource.GROUP, request.group_id)
        errors = await context.services.groups.commit_offsets(commit)
    except KafkaError as refusal:
        errors = [refusal.code] * len(offsets)
    return _response(request, refusals, errors)


def _topic_name(topic: OffsetCommitRequestTopic, context: RequestContext) -> str | None:
    """The name, from v10 on by its id; None if no topic has that id."""
    if context.api_version < _TOPIC_IDS_SINCE:
        return topic.name
    return context.services.cluster.image.names_by_id.get(topic.topic_id)


def _refusal(topic: str | None, context: RequestContext) -> ErrorCode | None:
    """Why nothing can be committed for this topic."""
    if topic is None:
        return ErrorCode.UNKNOWN_TOPIC_ID
    if not context.is_authorized(Operation.READ, Resource.TOPIC, topic):
        return ErrorCode.TOPIC_AUTHORIZATION_FAILED
    return None


def _response(
    request: OffsetCommitRequest, refusals: list[ErrorCode | None], errors: list[ErrorCode]
) -> OffsetCommitResponse:
    remaining = iter(errors)
    response = OffsetCommitResponse()
    for refused, topic in zip(refusals, request.topics, strict=True):
        partitions = [
            OffsetCommitResponsePartition(
                partition_index=partition.partition_index,
                error_code=next(remaining) if refused is None else refused,
            )
            for partition in topic.partitions
        ]
        response.topics.append(
            OffsetCommitResponseTopic(
                name=topic.name, topic_id=topic.topic_id, partitions=partitions
            )
        )
    return response


HANDLER = Handler(ApiKey.OFFSET_COMMIT, Versions(2, 10), OffsetCommitRequest, offset_commit)
