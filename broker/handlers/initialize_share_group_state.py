"""InitializeShareGroupState (API key 83): a share partition begins anew at an offset.

For brokers: needs CLUSTER_ACTION. Answers a partition with CLUSTER_AUTHORIZATION_FAILED,
NOT_COORDINATOR, INVALID_REQUEST, FENCED_STATE_EPOCH, UNKNOWN_TOPIC_OR_PARTITION.
"""

from broker.coordinator.share.persisted import answer_each
from broker.coordinator.share.records import ShareKey
from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.initialize_share_group_state import (
    InitializeShareGroupStateRequest,
    InitializeShareGroupStateResponse,
    InitializeStateResult,
    PartitionData,
    PartitionResult,
)
from broker.security.acls import Operation, Resource


async def initialize_share_group_state(
    request: InitializeShareGroupStateRequest, context: RequestContext
) -> InitializeShareGroupStateResponse:
    async def ask(key: ShareKey, one: PartitionData) -> PartitionResult:
        context.require(Operation.CLUSTER_ACTION, Resource.CLUSTER)
        share = context.services.share.persisted
        await share.initialize(key, one.state_epoch, one.start_offset)
        return PartitionResult(one.partition, ErrorCode.NONE)

    results = await answer_each(
        request.group_id, request.topics, ask, PartitionResult, "initialize share group state"
    )
    return InitializeShareGroupStateResponse([InitializeStateResult(*one) for one in results])


HANDLER = Handler(
    ApiKey.INITIALIZE_SHARE_GROUP_STATE,
    Versions(0, 0),
    InitializeShareGroupStateRequest,
    initialize_share_group_state,
)
