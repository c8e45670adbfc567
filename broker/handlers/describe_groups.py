"""DescribeGroups (API key 15): state and members of classic groups, for tools.

v3 can ask for authorized operations, v4 adds static members. A group that does not exist is Dead;
v6 says GROUP_ID_NOT_FOUND with it (KIP-1043).
Answers for each group: INVALID_GROUP_ID, GROUP_ID_NOT_FOUND, NOT_COORDINATOR,
COORDINATOR_LOAD_IN_PROGRESS.
"""

from broker.coordinator.group.classic.group import ClassicState
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.describe_groups import (
    DescribedGroup,
    DescribedGroupMember,
    DescribeGroupsRequest,
    DescribeGroupsResponse,
)
from broker.security.acls import Operation, Resource

_NOT_FOUND_SINCE = 6


async def describe_groups(
    request: DescribeGroupsRequest, context: RequestContext
) -> DescribeGroupsResponse:
    described = [_describe(group_id, context) for group_id in request.groups]
    if request.include_authorized_operations:
        for group in described:
            if group.error_code == ErrorCode.NONE:
                group.authorized_operations = context.authorized_operations(
                    Resource.GROUP, group.group_id
                )
    return DescribeGroupsResponse(groups=described)


def _describe(group_id: str, context: RequestContext) -> DescribedGroup:
    try:
        context.require(Operation.DESCRIBE, Resource.GROUP, group_id)
        group = context.services.groups.describe(group_id)
    except KafkaError as refusal:
        return _refused(group_id, refusal, context.api_version)
    members = [
        DescribedGroupMember(
            member_id=member.member_id,
            group_instance_id=member.group_instance_id,
            client_id=member.client_id,
            client_host=member.client_host,
            member_metadata=member.metadata,
            member_assignment=member.assignment,
        )
        for member in group.members
    ]
    return DescribedGroup(
        group_id=group_id,
        group_state=group.state,
        protocol_type=group.protocol_type,
        protocol_data=group.protocol,
        members=members,
    )


def _refused(group_id: str, refusal: KafkaError, api_version: int) -> DescribedGroup:
    if refusal.code is not ErrorCode.GROUP_ID_NOT_FOUND:
        return DescribedGroup(error_code=refusal.code, group_id=group_id)
    group = DescribedGroup(group_id=group_id, group_state=ClassicState.DEAD)
    if api_version >= _NOT_FOUND_SINCE:
        group.error_code = refusal.code
        group.error_message = refusal.message
    return group


HANDLER = Handler(ApiKey.DESCRIBE_GROUPS, Versions(0, 6), DescribeGroupsRequest, describe_groups)
