"""OffsetDelete (API key 47): a group forgets offsets of topics it no longer reads (KIP-496).

Answers: INVALID_GROUP_ID, GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP, NOT_COORDINATOR,
COORDINATOR_LOAD_IN_PROGRESS; for a partition GROUP_SUBSCRIBED_TO_TOPIC, UNKNOWN_TOPIC_OR_PARTITION.
"""

from broker.coordinator.group.offsets import TopicPartition
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteResponse,
    OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
)
from broker.security.acls import Operation, Resource


async def offset_delete(
    request: OffsetDeleteRequest, context: RequestContext
) -> OffsetDeleteResponse:
    refused = {
        topic.name
        for topic in request.topics
        if not context.is_authorized(Operation.READ, Resource.TOPIC, topic.name)
    }
    wanted = [
        TopicPartition(topic.name, partition.partition_index)
        for topic in request.topics
        if topic.name not in refused
        for partition in topic.partitions
    ]
    try:
        context.require(Operation.DELETE, Resource.GROUP, request.group_id)
        errors = iter(await context.services.groups.delete_offsets(request.group_id, wanted))
    except KafkaError as refusal:
        return OffsetDeleteResponse(error_code=refusal.code)
    return OffsetDeleteResponse(
        topics=[
            OffsetDeleteResponseTopic(
                name=topic.name,
                partitions=[
                    OffsetDeleteResponsePartition(
                        partition_index=partition.partition_index,
                        error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED
                        if topic.name in refused
                        else next(errors),
                    )
                    for partition in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


HANDLER = Handler(ApiKey.OFFSET_DELETE, Versions(0, 0), OffsetDeleteRequest, offset_delete)
