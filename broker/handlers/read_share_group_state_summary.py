"""ReadShareGroupStateSummary (API key 87): where a share partition begins.

For brokers: needs CLUSTER_ACTION. Answers a partition with CLUSTER_AUTHORIZATION_FAILED,
NOT_COORDINATOR, INVALID_REQUEST, UNKNOWN_TOPIC_OR_PARTITION.
"""

from dataclasses import astuple

from broker.coordinator.share.persisted import answer_each
from broker.coordinator.share.records import ShareKey
from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.read_share_group_state_summary import (
    PartitionData,
    PartitionResult,
    ReadShareGroupStateSummaryRequest,
    ReadShareGroupStateSummaryResponse,
    ReadStateSummaryResult,
)
from broker.security.acls import Operation, Resource


async def read_share_group_state_summary(
    request: ReadShareGroupStateSummaryRequest, context: RequestContext
) -> ReadShareGroupStateSummaryResponse:
    async def ask(key: ShareKey, one: PartitionData) -> PartitionResult:
        context.require(Operation.CLUSTER_ACTION, Resource.CLUSTER)
        told = await context.services.share.persisted.summary(key)
        return PartitionResult(one.partition, ErrorCode.NONE, None, *astuple(told))

    results = await answer_each(
        request.group_id, request.topics, ask, _refuse, "read share group state summary"
    )
    return ReadShareGroupStateSummaryResponse([ReadStateSummaryResult(*one) for one in results])


def _refuse(partition: int, code: ErrorCode, words: str) -> PartitionResult:
    return PartitionResult(partition, code, words, 0, 0, 0)


HANDLER = Handler(
    ApiKey.READ_SHARE_GROUP_STATE_SUMMARY,
    Versions(0, 1),
    ReadShareGroupStateSummaryRequest,
    read_share_group_state_summary,
)
