"""CreateAcls (API key 30): adds access control entries, each by itself.

Needs ALTER on the cluster. Answers: SECURITY_DISABLED without an authorizer, INVALID_REQUEST, and
UNKNOWN_SERVER_ERROR for all of them when one is a filter.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.create_acls import (
    AclCreationResult,
    CreateAclsRequest,
    CreateAclsResponse,
)
from broker.security.acls import Acl, Operation, Resource, require_told
from broker.security.acls import create_acls as decide


async def create_acls(request: CreateAclsRequest, context: RequestContext) -> CreateAclsResponse:
    cluster = context.services.cluster
    for one in request.creations:
        require_told(
            one.resource_type, one.resource_pattern_type, one.operation, one.permission_type
        )
    try:
        context.require_authorizer()
        context.require(Operation.ALTER, Resource.CLUSTER)
    except KafkaError as refusal:
        return CreateAclsResponse(
            results=[AclCreationResult(refusal.code, refusal.message) for _ in request.creations]
        )
    wanted = [
        Acl(
            one.resource_type,
            one.resource_name,
            one.resource_pattern_type,
            one.principal,
            one.host,
            one.operation,
            one.permission_type,
        )
        for one in request.creations
    ]
    if any(acl.has_wildcards for acl in wanted):
        return CreateAclsResponse(
            results=[AclCreationResult(ErrorCode.UNKNOWN_SERVER_ERROR, None) for _ in wanted]
        )
    results = await cluster.write_records(lambda image: decide(image, wanted, cluster.new_id))
    return CreateAclsResponse(
        results=[
            AclCreationResult(ErrorCode.NONE, "")
            if result is None
            else AclCreationResult(result.code, result.message)
            for result in results
        ]
    )


HANDLER = Handler(
    ApiKey.CREATE_ACLS,
    versions=Versions(1, 3),
    request_type=CreateAclsRequest,
    handle=create_acls,
)
