"""CreateAcls (API key 30): adds access control entries, each by itself.

Needs ALTER on the cluster. Answers: SECURITY_DISABLED without an authorizer, INVALID_REQUEST.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.create_acls import (
    AclCreationResult,
    CreateAclsRequest,
    CreateAclsResponse,
)
from broker.security.acls import Acl, Operation, Resource
from broker.security.acls import create_acls as decide


async def create_acls(request: CreateAclsRequest, context: RequestContext) -> CreateAclsResponse:
    cluster = context.services.cluster
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
