"""WriteShareGroupState (API key 85): keeps what became of the records of a share partition.

For brokers: needs CLUSTER_ACTION. Answers a partition with CLUSTER_AUTHORIZATION_FAILED,
NOT_COORDINATOR, INVALID_REQUEST, FENCED_LEADER_EPOCH, FENCED_STATE_EPOCH,
UNKNOWN_TOPIC_OR_PARTITION.
"""

from dataclasses import astuple

from broker.coordinator.share.persisted import StateWrite, answer_each
from broker.coordinator.share.records import ShareKey
from broker.coordinator.share.records import StateBatch as Stored
from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.write_share_group_state import (
    PartitionData,
    PartitionResult,
    WriteShareGroupStateRequest,
    WriteShareGroupStateResponse,
    WriteStateResult,
)
from broker.security.acls import Operation, Resource


async def write_share_group_state(
    request: WriteShareGroupStateRequest, context: RequestContext
) -> WriteShareGroupStateResponse:
    async def ask(key: ShareKey, one: PartitionData) -> PartitionResult:
        context.require(Operation.CLUSTER_ACTION, Resource.CLUSTER)
        batches = [Stored(*astuple(batch)) for batch in one.state_batches]
        wish = StateWrite(
            one.state_epoch,
            one.leader_epoch,
            one.start_offset,
            one.delivery_complete_count,
            batches,
        )
        await context.services.share.persisted.write(key, wish)
        return PartitionResult(one.partition, ErrorCode.NONE)

    results = await answer_each(
        request.group_id, request.topics, ask, PartitionResult, "write share group state"
    )
    return WriteShareGroupStateResponse([WriteStateResult(*one) for one in results])


HANDLER = Handler(
    ApiKey.WRITE_SHARE_GROUP_STATE,
    Versions(0, 1),
    WriteShareGroupStateRequest,
    write_share_group_state,
)
