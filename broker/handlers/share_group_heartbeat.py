"""ShareGroupHeartbeat (API key 76): membership in a share group (KIP-932).

Epoch 0 joins, -1 leaves. Answers: INVALID_REQUEST, UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH,
GROUP_MAX_SIZE_REACHED, GROUP_ID_NOT_FOUND, NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS,
UNSUPPORTED_VERSION (share.version 0).
"""

from broker.coordinator.group.partitions import to_topics
from broker.coordinator.group.share.group import JOINING
from broker.coordinator.group.share.messages import ShareHeartbeat
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import (
    Handler,
    RequestContext,
    Versions,
    require_share_member_id,
    words_of,
)
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.share_group_heartbeat import (
    Assignment,
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
    TopicPartitions,
)
from broker.security.acls import Operation, Resource


async def share_group_heartbeat(
    request: ShareGroupHeartbeatRequest, context: RequestContext
) -> ShareGroupHeartbeatResponse:
    try:
        context.services.share.require_enabled()
        context.require(Operation.READ, Resource.GROUP, request.group_id)
        require_share_member_id(request.member_id)
        if not request.group_id:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "GroupId can't be empty.")
        for name in request.subscribed_topic_names or ():
            context.require(Operation.DESCRIBE, Resource.TOPIC, name)
        services = context.services
        if request.member_epoch == JOINING:
            await services.share.offsets.prepare()
        told = await services.groups.share.heartbeat(_request(request, context))
        if told.uninitialized:  # tried again with the next heartbeat when it is refused
            await services.share.offsets.initialize(request.group_id, told.uninitialized)
            await services.groups.share.initialized(request.group_id, told.uninitialized)
    except KafkaError as refusal:
        return ShareGroupHeartbeatResponse(
            error_code=refusal.code, error_message=words_of(refusal), assignment=None
        )
    assignment = None
    if told.assignment is not None:
        topics = to_topics(told.assignment)
        assignment = Assignment([TopicPartitions(t.topic_id, t.partitions) for t in topics])
    return ShareGroupHeartbeatResponse(
        member_id=told.member_id,
        member_epoch=told.member_epoch,
        heartbeat_interval_ms=told.heartbeat_interval_ms,
        assignment=assignment,
    )


def _request(request: ShareGroupHeartbeatRequest, context: RequestContext) -> ShareHeartbeat:
    names = request.subscribed_topic_names
    return ShareHeartbeat(
        group_id=request.group_id,
        member_id=request.member_id,
        member_epoch=request.member_epoch,
        client_id=context.client_id or "",
        client_host=context.client_host,
        rack_id=request.rack_id,
        topic_names=None if names is None else frozenset(names),
    )


HANDLER = Handler(
    ApiKey.SHARE_GROUP_HEARTBEAT,
    Versions(1, 1),
    ShareGroupHeartbeatRequest,
    share_group_heartbeat,
)
