"""RemoveRaftVoter (API key 81): takes a voter out of the controller quorum (KIP-853).

Needs ALTER on the cluster. The quorum of one node is fixed: UNSUPPORTED_VERSION while the feature
kraft.version is 0, VOTER_NOT_FOUND from 1 on, for the only voter as well, as from an Apache Kafka
of one node. INCONSISTENT_CLUSTER_ID for another cluster.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.remove_raft_voter import (
    RemoveRaftVoterRequest,
    RemoveRaftVoterResponse,
)
from broker.protocol.primitives import uuid_text
from broker.security.acls import Operation, Resource


async def remove_raft_voter(
    request: RemoveRaftVoterRequest, context: RequestContext
) -> RemoveRaftVoterResponse:
    try:
        context.require(Operation.ALTER, Resource.CLUSTER)
    except KafkaError as refusal:
        return RemoveRaftVoterResponse(error_code=refusal.code, error_message=refusal.message)
    cluster = context.services.cluster
    cluster_id = cluster.cluster_id
    if request.cluster_id not in (None, cluster_id):
        return RemoveRaftVoterResponse(
            error_code=ErrorCode.INCONSISTENT_CLUSTER_ID,
            error_message=f'The given id "{request.cluster_id}" doesn\'t match the cluster id'
            f' "{cluster_id}"',
        )
    if cluster.may_quorum_change:
        voter = _key(request.voter_id, request.voter_directory_id)
        voters = _key(cluster.node_id, cluster.directory_id)
        return RemoveRaftVoterResponse(
            error_code=ErrorCode.VOTER_NOT_FOUND,
            error_message=f"Cannot remove voter {voter} from the set of voters [{voters}]",
        )
    return RemoveRaftVoterResponse(
        error_code=ErrorCode.UNSUPPORTED_VERSION,
        error_message="Cluster doesn't support removing voter because the"
        " kraft.version feature is 0",
    )


def _key(voter_id: int, directory_id: bytes) -> str:
    return f"ReplicaKey(id={voter_id}, directoryId={uuid_text(directory_id)})"


HANDLER = Handler(
    ApiKey.REMOVE_RAFT_VOTER,
    versions=Versions(0, 0),
    request_type=RemoveRaftVoterRequest,
    handle=remove_raft_voter,
)
