"""DeleteGroups (API key 42): empty groups go, with all their offsets (KIP-229),
share groups with all they know of records.

Answers for each group: INVALID_GROUP_ID, NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND, NOT_COORDINATOR,
COORDINATOR_LOAD_IN_PROGRESS.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.delete_groups import (
    DeletableGroupResult,
    DeleteGroupsRequest,
    DeleteGroupsResponse,
)
from broker.security.acls import Operation, Resource


async def delete_groups(
    request: DeleteGroupsRequest, context: RequestContext
) -> DeleteGroupsResponse:
    results = []
    for group_id in dict.fromkeys(request.groups_names):
        error = ErrorCode.NONE
        try:
            context.require(Operation.DELETE, Resource.GROUP, group_id)
            await context.services.groups.delete_group(group_id)
            await context.services.share.offsets.forget(group_id)
        except KafkaError as refusal:
            error = refusal.code
        results.append(DeletableGroupResult(group_id=group_id, error_code=error))
    return DeleteGroupsResponse(results=results)


HANDLER = Handler(ApiKey.DELETE_GROUPS, Versions(0, 2), DeleteGroupsRequest, delete_groups)
