"""What listeners of `controller_listener_names` serve: what tools ask Kafka's controller.

They are the broker's own handlers, as the one node is both, but for what is told of the listener.
Kafka's controller serves more, for other controllers and brokers: here there are none.
"""

from dataclasses import replace

from broker.handlers import HANDLERS, api_versions, describe_cluster
from broker.handlers.handler import Handle, Handler, RequestContext
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from broker.protocol.messages.describe_cluster import (
    DescribeClusterRequest,
    DescribeClusterResponse,
)


async def controller_versions(
    request: ApiVersionsRequest, context: RequestContext
) -> ApiVersionsResponse:
    return api_versions.tell_versions(request, context, CONTROLLER_HANDLERS)


async def describe_controllers(
    request: DescribeClusterRequest, context: RequestContext
) -> DescribeClusterResponse:
    return describe_cluster.describe(request, context, describe_cluster.CONTROLLERS)


_OF_CONTROLLERS: dict[ApiKey, Handle] = {
    ApiKey.API_VERSIONS: controller_versions,
    ApiKey.DESCRIBE_CLUSTER: describe_controllers,
}
_SHARED = {
    ApiKey.SASL_HANDSHAKE,
    ApiKey.CREATE_TOPICS,
    ApiKey.DELETE_TOPICS,
    ApiKey.DESCRIBE_ACLS,
    ApiKey.CREATE_ACLS,
    ApiKey.DELETE_ACLS,
    ApiKey.DESCRIBE_CONFIGS,
    ApiKey.ALTER_CONFIGS,
    ApiKey.SASL_AUTHENTICATE,
    ApiKey.CREATE_PARTITIONS,
    ApiKey.CREATE_DELEGATION_TOKEN,
    ApiKey.RENEW_DELEGATION_TOKEN,
    ApiKey.EXPIRE_DELEGATION_TOKEN,
    ApiKey.DESCRIBE_DELEGATION_TOKEN,
    ApiKey.ELECT_LEADERS,
    ApiKey.INCREMENTAL_ALTER_CONFIGS,
    ApiKey.ALTER_PARTITION_REASSIGNMENTS,
    ApiKey.LIST_PARTITION_REASSIGNMENTS,
    ApiKey.ALTER_CLIENT_QUOTAS,
    ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS,
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS,
    ApiKey.DESCRIBE_QUORUM,
    ApiKey.UPDATE_FEATURES,
    ApiKey.UNREGISTER_BROKER,
    ApiKey.ADD_RAFT_VOTER,
    ApiKey.REMOVE_RAFT_VOTER,
}

CONTROLLER_HANDLERS: tuple[Handler, ...] = tuple(
    replace(one, handle=_OF_CONTROLLERS.get(one.api_key, one.handle))
    for one in HANDLERS
    if one.api_key in _SHARED or one.api_key in _OF_CONTROLLERS
)
