"""DeleteShareGroupOffsets (API key 92): a share group without members forgets topics."""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsResponse,
    DeleteShareGroupOffsetsResponseTopic,
)
from broker.security.acls import Operation, Resource


async def delete_share_group_offsets(
    request: DeleteShareGroupOffsetsRequest, context: RequestContext
) -> DeleteShareGroupOffsetsResponse:
    try:
        context.require(Operation.DELETE, Resource.GROUP, request.group_id)
        if not request.group_id:
            raise KafkaError(ErrorCode.INVALID_GROUP_ID, "The group id is invalid.")
        context.services.groups.share.require_empty(request.group_id)
    except KafkaError as refusal:
        return DeleteShareGroupOffsetsResponse(
            error_code=refusal.code, error_message=refusal.message
        )
    return DeleteShareGroupOffsetsResponse(
        responses=[
            await _delete(request.group_id, topic.topic_name, context) for topic in request.topics
        ]
    )


async def _delete(
    group_id: str, name: str, context: RequestContext
) -> DeleteShareGroupOffsetsResponseTopic:
    topic = context.services.cluster.image.topics.get(name)
    answer = DeleteShareGroupOffsetsResponseTopic(topic_name=name)
    try:
        context.require(Operation.READ, Resource.TOPIC, name)
        if topic is None:
            raise KafkaError(
                ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                "This server does not host this topic-partition.",
            )
        answer.topic_id = topic.topic_id
        known = await context.services.share.offsets.of_group(group_id)
        if not any(one.where[0] == topic.topic_id for one in known):
            raise KafkaError(
                ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "There is no offset information to delete."
            )
        await context.services.share.offsets.forget(group_id, topic.topic_id)
        await context.services.groups.share.forgot(group_id, topic.topic_id)
    except KafkaError as refusal:
        answer.error_code, answer.error_message = refusal.code, refusal.message
    return answer


HANDLER = Handler(
    ApiKey.DELETE_SHARE_GROUP_OFFSETS,
    Versions(0, 0),
    DeleteShareGroupOffsetsRequest,
    delete_share_group_offsets,
)
