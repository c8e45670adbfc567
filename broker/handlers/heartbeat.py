"""Heartbeat (API key 12): a member of a group says that it is alive.

v3 adds group_instance_id (static membership, KIP-345).
Answers: INVALID_GROUP_ID, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION,
REBALANCE_IN_PROGRESS, NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS.
"""

from broker.coordinator.group.classic.messages import MemberIdentity
from broker.errors import KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.security.acls import Operation, Resource


async def heartbeat(request: HeartbeatRequest, context: RequestContext) -> HeartbeatResponse:
    identity = MemberIdentity(request.member_id, request.group_instance_id)
    try:
        context.require(Operation.READ, Resource.GROUP, request.group_id)
        await context.services.groups.heartbeat(request.group_id, identity, request.generation_id)
    except KafkaError as refusal:
        return HeartbeatResponse(error_code=refusal.code)
    return HeartbeatResponse()


HANDLER = Handler(ApiKey.HEARTBEAT, Versions(0, 4), HeartbeatRequest, heartbeat)
