"""AddRaftVoter (API key 80): adds a voter to the controller quorum (KIP-853).

Needs ALTER on the cluster. The quorum of one node is fixed: UNSUPPORTED_VERSION, as from an Apache
Kafka whose feature kraft.version is 0; INCONSISTENT_CLUSTER_ID for another cluster.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.add_raft_voter import (
    AddRaftVoterRequest,
    AddRaftVoterResponse,
)
from broker.security.acls import Operation, Resource


async def add_raft_voter(
    request: AddRaftVoterRequest, context: RequestContext
) -> AddRaftVoterResponse:
    try:
        context.require(Operation.ALTER, Resource.CLUSTER)
    except KafkaError as refusal:
        return AddRaftVoterResponse(error_code=refusal.code, error_message=refusal.message)
    cluster = context.services.cluster
    cluster_id = cluster.cluster_id
    if request.cluster_id not in (None, cluster_id):
        return AddRaftVoterResponse(
            error_code=ErrorCode.INCONSISTENT_CLUSTER_ID,
            error_message=f'The given id "{request.cluster_id}" doesn\'t match the cluster id'
            f' "{cluster_id}"',
        )
    if cluster.may_quorum_change:
        return AddRaftVoterResponse(
            error_code=ErrorCode.UNSUPPORTED_VERSION,
            error_message="This cluster is one node and takes no other voter",
        )
    return AddRaftVoterResponse(
        error_code=ErrorCode.UNSUPPORTED_VERSION,
        error_message="Cluster doesn't support adding voter because the kraft.version feature is 0",
    )


HANDLER = Handler(
    ApiKey.ADD_RAFT_VOTER,
    versions=Versions(0, 1),
    request_type=AddRaftVoterRequest,
    handle=add_raft_voter,
)
