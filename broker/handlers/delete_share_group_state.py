"""DeleteShareGroupState (API key 86): forgets a share partition.

For brokers: needs CLUSTER_ACTION. Answers a partition with CLUSTER_AUTHORIZATION_FAILED,
NOT_COORDINATOR, INVALID_REQUEST, UNKNOWN_TOPIC_OR_PARTITION.
"""

from broker.coordinator.share.persisted import answer_each
from broker.coordinator.share.records import ShareKey
from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.delete_share_group_state import (
    DeleteShareGroupStateRequest,
    DeleteShareGroupStateResponse,
    DeleteStateResult,
    PartitionData,
    PartitionResult,
)
from broker.security.acls import Operation, Resource


async def delete_share_group_state(
    request: DeleteShareGroupStateRequest, context: RequestContext
) -> DeleteShareGroupStateResponse:
    async def ask(key: ShareKey, one: PartitionData) -> PartitionResult:
        context.require(Operation.CLUSTER_ACTION, Resource.CLUSTER)
        await context.services.share.persisted.delete(key)
        return PartitionResult(one.partition, ErrorCode.NONE)

    results = await answer_each(
        request.group_id, request.topics, ask, PartitionResult, "delete share group state"
    )
    return DeleteShareGroupStateResponse([DeleteStateResult(*one) for one in results])


HANDLER = Handler(
    ApiKey.DELETE_SHARE_GROUP_STATE,
    Versions(0, 0),
    DeleteShareGroupStateRequest,
    delete_share_group_state,
)
