"""SyncGroup (API key 14): the leader brings the assignment, every member gets its share.

v3 adds static members (KIP-345), v5 the protocol that the member believes in, which it has to name
from then on (KIP-559).
Answers: INVALID_GROUP_ID, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION,
INCONSISTENT_GROUP_PROTOCOL, REBALANCE_IN_PROGRESS, NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS.
"""

from broker.coordinator.group.classic.messages import SyncRequest, SyncResponse
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse
from broker.security.acls import Operation, Resource

_PROTOCOL_SINCE = 5


async def sync_group(request: SyncGroupRequest, context: RequestContext) -> SyncGroupResponse:
    if context.api_version >= _PROTOCOL_SINCE and None in (
        request.protocol_type,
        request.protocol_name,
    ):
        return SyncGroupResponse(error_code=ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    wanted = SyncRequest(
        group_id=request.group_id,
        generation=request.generation_id,
        member_id=request.member_id,
        group_instance_id=request.group_instance_id,
        protocol_type=request.protocol_type,
        protocol_name=request.protocol_name,
        assignments={share.member_id: bytes(share.assignment) for share in request.assignments},
    )
    try:
        context.require(Operation.READ, Resource.GROUP, request.group_id)
        synced = await context.services.groups.sync(wanted)
    except KafkaError as refusal:
        synced = SyncResponse(refusal.code)
    return SyncGroupResponse(
        error_code=synced.error,
        protocol_type=synced.protocol_type,
        protocol_name=synced.protocol_name,
        assignment=synced.assignment,
    )


HANDLER = Handler(ApiKey.SYNC_GROUP, Versions(0, 5), SyncGroupRequest, sync_group)
