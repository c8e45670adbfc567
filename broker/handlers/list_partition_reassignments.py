"""ListPartitionReassignments (API key 46): moves of partitions under way; on one node never any."""

from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    OngoingPartitionReassignment,
    OngoingTopicReassignment,
)
from broker.security.acls import Operation, Resource


async def list_partition_reassignments(
    request: ListPartitionReassignmentsRequest, context: RequestContext
) -> ListPartitionReassignmentsResponse:
    if not context.is_authorized(Operation.DESCRIBE, Resource.CLUSTER):
        return ListPartitionReassignmentsResponse(
            error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
            error_message="Cluster authorization failed.",
            topics=[
                OngoingTopicReassignment(
                    topic.name,
                    [OngoingPartitionReassignment(index) for index in topic.partition_indexes],
                )
                for topic in request.topics or ()
            ],
        )
    return ListPartitionReassignmentsResponse(error_code=ErrorCode.NONE, error_message=None)


HANDLER = Handler(
    ApiKey.LIST_PARTITION_REASSIGNMENTS,
    versions=Versions(0, 0),
    request_type=ListPartitionReassignmentsRequest,
    handle=list_partition_reassignments,
)
