"""ReadShareGroupState (API key 84): what became of the records of a share partition.

For brokers: needs CLUSTER_ACTION. Answers a partition with CLUSTER_AUTHORIZATION_FAILED,
NOT_COORDINATOR, INVALID_REQUEST, FENCED_LEADER_EPOCH, UNKNOWN_TOPIC_OR_PARTITION.
"""

from dataclasses import astuple

from broker.coordinator.share.persisted import answer_each
from broker.coordinator.share.records import ShareKey
from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.read_share_group_state import (
    PartitionData,
    PartitionResult,
    ReadShareGroupStateRequest,
    ReadShareGroupStateResponse,
    ReadStateResult,
    StateBatch,
)
from broker.security.acls import Operation, Resource


async def read_share_group_state(
    request: ReadShareGroupStateRequest, context: RequestContext
) -> ReadShareGroupStateResponse:
    async def ask(key: ShareKey, one: PartitionData) -> PartitionResult:
        context.require(Operation.CLUSTER_ACTION, Resource.CLUSTER)
        state = await context.services.share.persisted.read(key, one.leader_epoch)
        told = (StateBatch(*astuple(batch)) for batch in state.snapshot(now_ms=0).state_batches)
        answer = PartitionResult(one.partition, ErrorCode.NONE, None, state.state_epoch)
        answer.start_offset, answer.state_batches = state.start, list(told)
        return answer

    results = await answer_each(
        request.group_id, request.topics, ask, _refuse, "read share group state"
    )
    return ReadShareGroupStateResponse([ReadStateResult(*one) for one in results])


def _refuse(partition: int, code: ErrorCode, words: str) -> PartitionResult:
    return PartitionResult(partition, code, words, 0, 0, [])


HANDLER = Handler(
    ApiKey.READ_SHARE_GROUP_STATE,
    Versions(0, 0),
    ReadShareGroupStateRequest,
    read_share_group_state,
)
