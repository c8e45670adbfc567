"""DeleteAcls (API key 31): removes the access control entries that match filters, and names them.

Needs ALTER on the cluster. Answers: SECURITY_DISABLED without an authorizer, INVALID_REQUEST.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.delete_acls import (
    DeleteAclsFilter,
    DeleteAclsFilterResult,
    DeleteAclsMatchingAcl,
    DeleteAclsRequest,
    DeleteAclsResponse,
)
from broker.security.acls import Acl, AclFilter, Operation, Resource, require_told
from broker.security.acls import delete_acls as decide


async def delete_acls(request: DeleteAclsRequest, context: RequestContext) -> DeleteAclsResponse:
    for one in request.filters:
        require_told(
            one.resource_type_filter, one.pattern_type_filter, one.operation, one.permission_type
        )
    try:
        context.require_authorizer()
        context.require(Operation.ALTER, Resource.CLUSTER)
    except KafkaError as refusal:
        return DeleteAclsResponse(filter_results=[_result(refusal) for _ in request.filters])
    filters = [_filter(one) for one in request.filters]
    results = await context.services.cluster.write_records(lambda image: decide(image, filters))
    return DeleteAclsResponse(filter_results=[_result(result) for result in results])


def _filter(one: DeleteAclsFilter) -> AclFilter:
    return AclFilter(
        one.resource_type_filter,
        one.resource_name_filter,
        one.pattern_type_filter,
        one.principal_filter,
        one.host_filter,
        one.operation,
        one.permission_type,
    )


def _result(result: list[Acl] | KafkaError) -> DeleteAclsFilterResult:
    if isinstance(result, KafkaError):
        return DeleteAclsFilterResult(result.code, result.message)
    return DeleteAclsFilterResult(
        ErrorCode.NONE,
        None,
        [
            DeleteAclsMatchingAcl(
                error_code=ErrorCode.NONE,
                error_message=None,
                resource_type=acl.resource_type,
                resource_name=acl.resource_name,
                pattern_type=acl.pattern_type,
                principal=acl.principal,
                host=acl.host,
                operation=acl.operation,
                permission_type=acl.permission_type,
            )
            for acl in result
        ],
    )


HANDLER = Handler(
    ApiKey.DELETE_ACLS,
    versions=Versions(1, 3),
    request_type=DeleteAclsRequest,
    handle=delete_acls,
)
