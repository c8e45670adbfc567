"""ElectLeaders (API key 43): elects preferred (0) or unclean (1) leaders (KIP-460).

With one replica the leader is always the preferred one: ELECTION_NOT_NEEDED, which tools take as
success; with null for all partitions the answer is empty, as in Kafka.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.elect_leaders import (
    ElectLeadersRequest,
    ElectLeadersResponse,
    PartitionResult,
    ReplicaElectionResult,
)

ELECTION_TYPES = (0, 1)


async def elect_leaders(
    request: ElectLeadersRequest, context: RequestContext
) -> ElectLeadersResponse:
    if request.election_type not in ELECTION_TYPES:
        return ElectLeadersResponse(error_code=ErrorCode.INVALID_REQUEST)
    response = ElectLeadersResponse()
    for topic in request.topic_partitions or ():
        results = []
        for index in topic.partitions:
            code = ErrorCode.ELECTION_NOT_NEEDED
            message = "Leader election not needed for topic partition."
            try:
                context.services.partitions.get(topic.topic, index)
            except KafkaError as refusal:
                code, message = refusal.code, refusal.message
            results.append(PartitionResult(index, code, message))
        response.replica_election_results.append(ReplicaElectionResult(topic.topic, results))
    return response


HANDLER = Handler(
    ApiKey.ELECT_LEADERS,
    versions=Versions(0, 2),
    request_type=ElectLeadersRequest,
    handle=elect_leaders,
)
