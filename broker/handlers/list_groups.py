"""ListGroups (API key 16): all groups of this broker.

v4 filters by state (KIP-518), v5 by type (KIP-848). Answers: COORDINATOR_LOAD_IN_PROGRESS.
"""

from broker.errors import KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.list_groups import ListedGroup, ListGroupsRequest, ListGroupsResponse
from broker.security.acls import Operation, Resource


async def list_groups(request: ListGroupsRequest, context: RequestContext) -> ListGroupsResponse:
    groups = context.services.groups
    try:
        found = groups.list_groups(request.states_filter, request.types_filter)
    except KafkaError as refusal:
        return ListGroupsResponse(error_code=refusal.code)
    may_see_all = context.is_authorized(Operation.DESCRIBE, Resource.CLUSTER)
    return ListGroupsResponse(
        groups=[
            ListedGroup(
                group_id=group.group_id,
                protocol_type=group.protocol_type,
                group_state=group.state,
                group_type=group.group_type,
            )
            for group in found
            if may_see_all
            or context.is_authorized(Operation.DESCRIBE, Resource.GROUP, group.group_id)
        ]
    )


HANDLER = Handler(ApiKey.LIST_GROUPS, Versions(0, 5), ListGroupsRequest, list_groups)
