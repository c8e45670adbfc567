"""JoinGroup (API key 11): a member enters a classic group, or comes back for a rebalance.

v1 adds the rebalance timeout, v4 MEMBER_ID_REQUIRED (KIP-394), v5 static members (KIP-345), v7 the
protocol type in the answer, v9 skip_assignment (KIP-814). The answer waits for the rebalance.
Answers: INVALID_GROUP_ID, INVALID_SESSION_TIMEOUT, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID,
INCONSISTENT_GROUP_PROTOCOL, GROUP_MAX_SIZE_REACHED, MEMBER_ID_REQUIRED, REBALANCE_IN_PROGRESS,
NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS.
"""

import uuid

from broker.coordinator.group.classic.member import Protocol
from broker.coordinator.group.classic.messages import JoinRequest, JoinResponse
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.join_group import (
    JoinGroupRequest,
    JoinGroupResponse,
    JoinGroupResponseMember,
)
from broker.security.acls import Operation, Resource

_PROTOCOL_NAME_NULLABLE_SINCE = 7
_NOT_OF_A_MEMBER = (ErrorCode.UNKNOWN_SERVER_ERROR, ErrorCode.GROUP_AUTHORIZATION_FAILED)
"""Refusals that do not repeat the id of the member."""


async def join_group(request: JoinGroupRequest, context: RequestContext) -> JoinGroupResponse:
    try:
        context.require(Operation.READ, Resource.GROUP, request.group_id)
        joined = await context.services.groups.join(_request(request, context))
    except KafkaError as refusal:
        joined = JoinResponse(
            refusal.code, "" if refusal.code in _NOT_OF_A_MEMBER else request.member_id
        )
    name = joined.protocol_name
    if name is None and context.api_version < _PROTOCOL_NAME_NULLABLE_SINCE:
        name = ""
    return JoinGroupResponse(
        error_code=joined.error,
        generation_id=joined.generation,
        protocol_type=joined.protocol_type,
        protocol_name=name,
        leader=joined.leader,
        skip_assignment=joined.skip_assignment,
        member_id=joined.member_id,
        members=[
            JoinGroupResponseMember(
                member_id=member.member_id,
                group_instance_id=member.group_instance_id,
                metadata=member.metadata,
            )
            for member in joined.members
        ],
    )


def _request(request: JoinGroupRequest, context: RequestContext) -> JoinRequest:
    version = context.api_version
    client_id = context.client_id or ""
    instance = request.group_instance_id
    return JoinRequest(
        group_id=request.group_id,
        member_id=request.member_id,
        group_instance_id=request.group_instance_id,
        client_id=client_id,
        client_host=context.client_host,
        session_timeout_ms=request.session_timeout_ms,
        rebalance_timeout_ms=(
            request.rebalance_timeout_ms if version >= 1 else request.session_timeout_ms
        ),
        protocol_type=request.protocol_type,
        protocols=tuple(Protocol(p.name, bytes(p.metadata)) for p in request.protocols),
        new_member_id=f"{client_id if instance is None else instance}-{uuid.uuid4()}",
        requires_known_member_id=version >= 4,
        supports_skipping_assignment=version >= 9,
        sees=context.sees,
    )


HANDLER = Handler(ApiKey.JOIN_GROUP, Versions(0, 9), JoinGroupRequest, join_group)
