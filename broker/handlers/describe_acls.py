"""DescribeAcls (API key 29): lists the access control entries that match a filter, by resource.

Needs DESCRIBE on the cluster. Answers: SECURITY_DISABLED without an authorizer, INVALID_REQUEST.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.describe_acls import (
    AclDescription,
    DescribeAclsRequest,
    DescribeAclsResource,
    DescribeAclsResponse,
)
from broker.security.acls import AclFilter, Operation, Resource, find_acls, require_told


async def describe_acls(
    request: DescribeAclsRequest, context: RequestContext
) -> DescribeAclsResponse:
    require_told(
        request.resource_type_filter,
        request.pattern_type_filter,
        request.operation,
        request.permission_type,
    )
    wanted = AclFilter(
        request.resource_type_filter,
        request.resource_name_filter,
        request.pattern_type_filter,
        request.principal_filter,
        request.host_filter,
        request.operation,
        request.permission_type,
    )
    try:
        context.require_authorizer(" on the broker")
        context.require(Operation.DESCRIBE, Resource.CLUSTER)
        found = find_acls(context.services.cluster.image, wanted)
    except KafkaError as refusal:
        return DescribeAclsResponse(error_code=refusal.code, error_message=refusal.message)
    resources: dict[tuple[int, str, int], list[AclDescription]] = {}
    for acl in found:
        place = (acl.resource_type, acl.resource_name, acl.pattern_type)
        resources.setdefault(place, []).append(
            AclDescription(acl.principal, acl.host, acl.operation, acl.permission_type)
        )
    return DescribeAclsResponse(
        error_code=ErrorCode.NONE,
        error_message="",
        resources=[DescribeAclsResource(*place, acls) for place, acls in resources.items()],
    )


HANDLER = Handler(
    ApiKey.DESCRIBE_ACLS,
    versions=Versions(1, 3),
    request_type=DescribeAclsRequest,
    handle=describe_acls,
)
