from broker.errors import ErrorCode
from broker.protocol.messages.describe_acls import DescribeAclsRequest, DescribeAclsResponse
from tests.support.raw_client import RawClient


async def test_without_an_authorizer_security_is_disabled(client: RawClient) -> None:
    request = DescribeAclsRequest(1, None, 1, None, None, 1, 1)

    response = await client.ask(request, 3, DescribeAclsResponse)

    assert (response.error_code, response.resources) == (ErrorCode.SECURITY_DISABLED, [])
