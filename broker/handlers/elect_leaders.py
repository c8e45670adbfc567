"""ElectLeaders (API key 43): elects preferred (0) or unclean (1) leaders (KIP-460).

With one replica the leader is always the preferred one: ELECTION_NOT_NEEDED, which tools take as
success; with null for all partitions the answer has topics without partitions, as in Kafka.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, check_time, refusal_of
from broker.metadata.image import TopicImage
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.elect_leaders import (
    ElectLeadersRequest,
    ElectLeadersResponse,
    PartitionResult,
    ReplicaElectionResult,
)
from broker.security.acls import Operation, Resource

ELECTION_TYPES = (0, 1)


async def elect_leaders(
    request: ElectLeadersRequest, context: RequestContext
) -> ElectLeadersResponse:
    if not context.is_authorized(Operation.ALTER, Resource.CLUSTER):
        return _refused(request, refusal_of(Resource.CLUSTER))
    asked = request.topic_partitions
    topics = context.services.cluster.image.topics
    if asked == []:
        return ElectLeadersResponse()
    try:
        check_time(request.timeout_ms)
        _check_type(request.election_type)
    except KafkaError as refusal:
        return _refused(request, refusal)
    if asked is None:
        return ElectLeadersResponse(
            replica_election_results=[ReplicaElectionResult(name, []) for name in topics]
        )
    response = ElectLeadersResponse()
    for topic in asked:
        known = topics.get(topic.topic)
        results = [_elect(topic.topic, known, index) for index in topic.partitions]
        response.replica_election_results.append(ReplicaElectionResult(topic.topic, results))
    return response


def _check_type(election_type: int) -> None:
    if election_type not in ELECTION_TYPES:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Unknown election type {election_type}")


def _refused(request: ElectLeadersRequest, refusal: KafkaError) -> ElectLeadersResponse:
    """The refusal of all, for the whole and for each partition that was named."""
    return ElectLeadersResponse(
        error_code=refusal.code,
        replica_election_results=[
            ReplicaElectionResult(
                topic.topic,
                [
                    PartitionResult(index, refusal.code, refusal.message or None)
                    for index in topic.partitions
                ],
            )
            for topic in request.topic_partitions or ()
        ],
    )


def _elect(name: str, known: TopicImage | None, index: int) -> PartitionResult:
    if known is not None and 0 <= index < len(known.partitions):
        message = "Leader election not needed for topic partition."
        return PartitionResult(index, ErrorCode.ELECTION_NOT_NEEDED, message)
    missing = f"topic as {name}" if known is None else f"partition as {name}-{index}"
    return PartitionResult(index, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"No such {missing}")


HANDLER = Handler(
    ApiKey.ELECT_LEADERS,
    versions=Versions(0, 2),
    request_type=ElectLeadersRequest,
    handle=elect_leaders,
)
