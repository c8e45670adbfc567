"""ConsumerGroupHeartbeat (API key 68): membership in a KIP-848 group, all of it.

Epoch 0 joins, -1 leaves, -2 leaves for a moment (static members). v1: the client makes the member
id (KIP-1082) and may subscribe by a regular expression, to topics that it may DESCRIBE.
Answers: INVALID_REQUEST, INVALID_GROUP_ID, UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH,
UNRELEASED_INSTANCE_ID, FENCED_INSTANCE_ID, UNSUPPORTED_ASSIGNOR, INVALID_REGULAR_EXPRESSION,
GROUP_MAX_SIZE_REACHED, GROUP_ID_NOT_FOUND, NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS,
UNSUPPORTED_VERSION (group.version 0).
"""

import uuid

from broker.coordinator.group.consumer.group import JOINING
from broker.coordinator.group.consumer.messages import ConsumerHeartbeat
from broker.coordinator.group.partitions import to_topics
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, words_of
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.consumer_group_heartbeat import (
    Assignment,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    TopicPartitions,
)
from broker.protocol.primitives import uuid_text
from broker.security.acls import Operation, Resource

_CLIENT_MAKES_IDS_SINCE = 1


async def consumer_group_heartbeat(
    request: ConsumerGroupHeartbeatRequest, context: RequestContext
) -> ConsumerGroupHeartbeatResponse:
    try:
        context.services.groups.settings.require_protocol("consumer")
        context.require(Operation.READ, Resource.GROUP, request.group_id)
        for name in request.subscribed_topic_names or ():
            context.require(Operation.DESCRIBE, Resource.TOPIC, name)
        told = await context.services.groups.consumer.heartbeat(_request(request, context))
    except KafkaError as refusal:
        return ConsumerGroupHeartbeatResponse(
            error_code=refusal.code, error_message=words_of(refusal)
        )
    assignment = None
    if told.assignment is not None:
        topics = to_topics(told.assignment)
        assignment = Assignment([TopicPartitions(t.topic_id, t.partitions) for t in topics])
    return ConsumerGroupHeartbeatResponse(
        member_id=told.member_id,
        member_epoch=told.member_epoch,
        heartbeat_interval_ms=told.heartbeat_interval_ms,
        assignment=assignment,
    )


def _request(request: ConsumerGroupHeartbeatRequest, context: RequestContext) -> ConsumerHeartbeat:
    member_id = request.member_id
    if not request.group_id:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "GroupId can't be empty.")
    if not member_id and context.api_version >= _CLIENT_MAKES_IDS_SINCE:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "MemberId can't be empty.")
    server_makes_id = context.api_version < _CLIENT_MAKES_IDS_SINCE
    if server_makes_id and not member_id and request.member_epoch == JOINING:
        member_id = uuid_text(uuid.uuid4().bytes)
    names = request.subscribed_topic_names
    owned = request.topic_partitions
    return ConsumerHeartbeat(
        group_id=request.group_id,
        member_id=member_id,
        member_epoch=request.member_epoch,
        client_id=context.client_id or "",
        client_host=context.client_host,
        instance_id=request.instance_id,
        rack_id=request.rack_id,
        rebalance_timeout_ms=request.rebalance_timeout_ms,
        topic_names=None if names is None else frozenset(names),
        topic_regex=request.subscribed_topic_regex,
        assignor=request.server_assignor,
        owned=None
        if owned is None
        else frozenset((topic.topic_id, index) for topic in owned for index in topic.partitions),
        sees=context.sees,
    )


HANDLER = Handler(
    ApiKey.CONSUMER_GROUP_HEARTBEAT,
    Versions(0, 1),
    ConsumerGroupHeartbeatRequest,
    consumer_group_heartbeat,
)
