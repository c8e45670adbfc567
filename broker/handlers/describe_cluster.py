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

BROKERS = 1
CLUSTER_OPERATIONS = sum(1 << operation for operation in (5, 7, 8, 9, 10, 11, 12))
"""Bits of what may be done with the cluster when nothing is forbidden (KIP-430): CREATE, ALTER,
DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE."""


async def describe_cluster(
    request: DescribeClusterRequest, context: RequestContext
) -> DescribeClusterResponse:
    cluster = context.services.cluster
    if request.endpoint_type != BROKERS:
        return DescribeClusterResponse(
            error_code=ErrorCode.MISMATCHED_ENDPOINT_TYPE,
            error_message="The request was sent to an endpoint of type BROKER, but we wanted an"
            f" endpoint of type {request.endpoint_type}",
            endpoint_type=BROKERS,
        )
    response = DescribeClusterResponse(
        cluster_id=cluster.cluster_id,
        controller_id=cluster.node_id,
        brokers=[
            DescribeClusterBroker(cluster.node_id, context.listener.host, context.listener.port)
        ],
    )
    if request.include_cluster_authorized_operations:
        response.cluster_authorized_operations = CLUSTER_OPERATIONS
    return response


HANDLER = Handler(
    ApiKey.DESCRIBE_CLUSTER,
    versions=Versions(0, 2),
    request_type=DescribeClusterRequest,
    handle=describe_cluster,
)
