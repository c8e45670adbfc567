"""DescribeCluster (API key 60): brokers or controllers, the controller and the cluster id.

v1 adds the endpoint type (1 brokers, 2 controllers), v2 fenced brokers, of which there are none.
"""

from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.describe_cluster import (
    DescribeClusterBroker,
    DescribeClusterRequest,
    DescribeClusterResponse,
)
from broker.security.acls import Operation, Resource

BROKERS, CONTROLLERS = 1, 2
_NAMES = {BROKERS: "BROKER", CONTROLLERS: "CONTROLLER"}
_FIRST_VERSION_WITH_TYPE = 1


async def describe_cluster(
    request: DescribeClusterRequest, context: RequestContext
) -> DescribeClusterResponse:
    return describe(request, context, BROKERS)


def describe(
    request: DescribeClusterRequest, context: RequestContext, endpoint_type: int
) -> DescribeClusterResponse:
    """The answer of a listener of this type."""
    cluster = context.services.cluster
    if request.endpoint_type not in _NAMES:
        return DescribeClusterResponse(
            error_code=ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
            error_message=f"Unsupported endpoint type {request.endpoint_type}",
        )
    if request.endpoint_type != endpoint_type:
        has_type = context.api_version >= _FIRST_VERSION_WITH_TYPE
        return DescribeClusterResponse(
            error_code=ErrorCode.MISMATCHED_ENDPOINT_TYPE
            if has_type
            else ErrorCode.INVALID_REQUEST,
            error_message=f"The request was sent to an endpoint of type {_NAMES[endpoint_type]},"
            f" but we wanted an endpoint of type {_NAMES[request.endpoint_type]}",
        )
    address, rack = context.listener, cluster.rack if endpoint_type == BROKERS else None
    response = DescribeClusterResponse(
        endpoint_type=endpoint_type,
        cluster_id=cluster.cluster_id,
        controller_id=cluster.node_id,
        brokers=[DescribeClusterBroker(cluster.node_id, address.host, address.port, rack)],
    )
    if request.include_cluster_authorized_operations:
        response.cluster_authorized_operations = 0
        if context.is_authorized(Operation.DESCRIBE, Resource.CLUSTER):
            response.cluster_authorized_operations = context.authorized_operations(Resource.CLUSTER)
    return response


HANDLER = Handler(
    ApiKey.DESCRIBE_CLUSTER,
    versions=Versions(0, 2),
    request_type=DescribeClusterRequest,
    handle=describe_cluster,
)
