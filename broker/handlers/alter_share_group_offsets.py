"""AlterShareGroupOffsets (API key 91): where a share group without members goes on.

-1 forgets where it was: who comes next begins as `share.auto.offset.reset` says.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsRequestTopic,
    AlterShareGroupOffsetsResponse,
    AlterShareGroupOffsetsResponsePartition,
    AlterShareGroupOffsetsResponseTopic,
)
from broker.security.acls import Operation, Resource


async def alter_share_group_offsets(
    request: AlterShareGroupOffsetsRequest, context: RequestContext
) -> AlterShareGroupOffsetsResponse:
    try:
        context.require(Operation.READ, Resource.GROUP, request.group_id)
        if not request.group_id:
            raise KafkaError(ErrorCode.INVALID_GROUP_ID, "The group id is invalid.")
        readable = [one.topic_name for one in request.topics if _may_read(one.topic_name, context)]
        if readable:
            topics = context.services.cluster.image.topics
            await context.services.groups.share.make_empty(
                request.group_id, if_new=any(name in topics for name in readable)
            )
    except KafkaError as refusal:
        return AlterShareGroupOffsetsResponse(
            error_code=refusal.code, error_message=refusal.message
        )
    return AlterShareGroupOffsetsResponse(
        responses=[await _alter(request.group_id, topic, context) for topic in request.topics]
    )


def _may_read(topic: str, context: RequestContext) -> bool:
    return context.is_authorized(Operation.READ, Resource.TOPIC, topic)


async def _alter(
    group_id: str, topic: AlterShareGroupOffsetsRequestTopic, context: RequestContext
) -> AlterShareGroupOffsetsResponseTopic:
    services = context.services
    known = services.cluster.image.topics.get(topic.topic_name)
    answer = AlterShareGroupOffsetsResponseTopic(topic_name=topic.topic_name)
    if known is not None:
        answer.topic_id = known.topic_id
    for wanted in topic.partitions:
        done = AlterShareGroupOffsetsResponsePartition(wanted.partition_index)
        try:
            context.require(Operation.READ, Resource.TOPIC, topic.topic_name)
            partition = services.partitions.find(topic.topic_name, wanted.partition_index)
            if partition is None:
                raise KafkaError(
                    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                    "This server does not host this topic-partition.",
                )
            await services.share.offsets.put(group_id, partition, wanted.start_offset)
            where = (partition.topic_id, partition.index)
            await services.groups.share.initialized(group_id, frozenset({where}))
        except KafkaError as refusal:
            done.error_code, done.error_message = refusal.code, refusal.message
        answer.partitions.append(done)
    return answer


HANDLER = Handler(
    ApiKey.ALTER_SHARE_GROUP_OFFSETS,
    Versions(0, 0),
    AlterShareGroupOffsetsRequest,
    alter_share_group_offsets,
)
