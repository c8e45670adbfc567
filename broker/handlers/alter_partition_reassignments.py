"""AlterPartitionReassignments (API key 45): moves replicas (KIP-455).

A cluster of one can only be asked for what it already is: that succeeds, as in Kafka. Any other
broker is INVALID_REPLICA_ASSIGNMENT, and there is never a move to cancel.
"""

from collections.abc import Sequence

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, check_time
from broker.metadata.controller import check_replicas
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ReassignablePartitionResponse,
    ReassignableTopicResponse,
)
from broker.security.acls import Operation, Resource


async def alter_partition_reassignments(
    request: AlterPartitionReassignmentsRequest, context: RequestContext
) -> AlterPartitionReassignmentsResponse:
    if not request.topics and context.is_authorized(Operation.ALTER, Resource.CLUSTER):
        return AlterPartitionReassignmentsResponse(error_message="")
    response = AlterPartitionReassignmentsResponse(
        allow_replication_factor_change=request.allow_replication_factor_change,
        error_message=None,
    )
    try:
        context.require(Operation.ALTER, Resource.CLUSTER)
        check_time(request.timeout_ms)
    except KafkaError as refusal:
        return _refused(request, refusal)
    for topic in request.topics:
        answers = []
        for wanted in topic.partitions:
            answer = ReassignablePartitionResponse(
                wanted.partition_index, ErrorCode.NONE, error_message=None
            )
            try:
                _check(topic.name, wanted.partition_index, wanted.replicas, context)
            except KafkaError as refusal:
                answer.error_code, answer.error_message = refusal.code, refusal.message or None
            answers.append(answer)
        response.responses.append(ReassignableTopicResponse(topic.name, answers))
    return response


def _refused(
    request: AlterPartitionReassignmentsRequest, refusal: KafkaError
) -> AlterPartitionReassignmentsResponse:
    """The refusal of all, for the whole and for each partition that was named."""
    words = refusal.message or None
    return AlterPartitionReassignmentsResponse(
        error_code=refusal.code,
        error_message=words,
        responses=[
            ReassignableTopicResponse(
                topic.name,
                [
                    ReassignablePartitionResponse(one.partition_index, refusal.code, words)
                    for one in topic.partitions
                ],
            )
            for topic in request.topics
        ],
    )


def _check(
    topic_name: str, index: int, replicas: Sequence[int] | None, context: RequestContext
) -> None:
    image = context.services.cluster.image
    topic = image.topics.get(topic_name)
    if topic is None or not 0 <= index < len(topic.partitions):
        what = "a topic named " if topic is None else "partition "
        name = topic_name if topic is None else f"{topic_name}:{index}"
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"Unable to find {what}{name}.")
    if replicas is None:
        raise KafkaError(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS)
    check_replicas(image, replicas, len(replicas))


HANDLER = Handler(
    ApiKey.ALTER_PARTITION_REASSIGNMENTS,
    versions=Versions(0, 1),
    request_type=AlterPartitionReassignmentsRequest,
    handle=alter_partition_reassignments,
)
