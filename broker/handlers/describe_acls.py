"""DescribeAcls (API key 29): without an authorizer SECURITY_DISABLED, as Kafka answers."""

from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.describe_acls import DescribeAclsRequest, DescribeAclsResponse


async def describe_acls(
    request: DescribeAclsRequest, context: RequestContext
) -> DescribeAclsResponse:
    return DescribeAclsResponse(
        error_code=ErrorCode.SECURITY_DISABLED,
        error_message="No Authorizer is configured.",
    )


HANDLER = Handler(
    ApiKey.DESCRIBE_ACLS,
    versions=Versions(1, 3),
    request_type=DescribeAclsRequest,
    handle=describe_acls,
)
