"""LeaveGroup (API key 13): members go at once instead of by their session timeout.

v3 takes several members, named by member id or by group_instance_id (KIP-345), each with its own
outcome; before, the outcome of the one member is that of the request.
Answers: INVALID_GROUP_ID, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, NOT_COORDINATOR,
COORDINATOR_LOAD_IN_PROGRESS.
"""

from broker.coordinator.group.classic.messages import MemberIdentity
from broker.errors import KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.leave_group import (
    LeaveGroupRequest,
    LeaveGroupResponse,
    MemberResponse,
)
from broker.security.acls import Operation, Resource

_BATCHED_SINCE = 3


async def leave_group(request: LeaveGroupRequest, context: RequestContext) -> LeaveGroupResponse:
    batched = context.api_version >= _BATCHED_SINCE
    leaving = [MemberIdentity(m.member_id, m.group_instance_id) for m in request.members]
    if not batched:
        leaving = [MemberIdentity(request.member_id)]
    try:
        context.require(Operation.READ, Resource.GROUP, request.group_id)
        results = await context.services.groups.leave(request.group_id, leaving)
    except KafkaError as refusal:
        return LeaveGroupResponse(error_code=refusal.code)
    if not batched:
        return LeaveGroupResponse(error_code=results[0].error)
    return LeaveGroupResponse(
        members=[
            MemberResponse(
                member_id=result.identity.member_id,
                group_instance_id=result.identity.group_instance_id,
                error_code=result.error,
            )
            for result in results
        ]
    )


HANDLER = Handler(ApiKey.LEAVE_GROUP, Versions(0, 5), LeaveGroupRequest, leave_group)
