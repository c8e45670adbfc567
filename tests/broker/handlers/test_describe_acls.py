import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.describe_acls import DescribeAclsRequest, DescribeAclsResponse
from broker.security.acls import ANY, Operation, PatternType, Resource
from tests.support.raw_client import RawClient
from tests.support.security_calls import add_acls, entry


def asking(
    name: str | None = None, pattern: int = ANY, resource: int = ANY, principal: str | None = None
) -> DescribeAclsRequest:
    return DescribeAclsRequest(resource, name, pattern, principal, None, ANY, ANY)


async def names_found(client: RawClient, request: DescribeAclsRequest) -> set[str]:
    response = await client.ask(request, 3, DescribeAclsResponse)
    assert response.error_code == ErrorCode.NONE, response.error_message
    return {resource.resource_name for resource in response.resources}


@pytest.mark.parametrize("version", [1, 2, 3])
async def test_without_an_authorizer_security_is_disabled(client: RawClient, version: int) -> None:
    response = await client.ask(asking(pattern=3), version, DescribeAclsResponse)

    assert response.error_code == ErrorCode.SECURITY_DISABLED
    assert response.error_message == "No Authorizer is configured on the broker"


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (asking(), {"pages", "pag", "*", "readers"}),
        (asking("pages", PatternType.LITERAL), {"pages"}),
        (asking("pages", PatternType.MATCH, Resource.TOPIC), {"pages", "pag", "*"}),
        (asking("pages", PatternType.PREFIXED), set()),
        (asking(resource=Resource.GROUP), {"readers"}),
        (asking(principal="User:bob"), {"pag"}),
    ],
)
async def test_a_filter_finds_what_it_names(
    admin: RawClient, request_: DescribeAclsRequest, names: set[str]
) -> None:
    await add_acls(
        admin,
        entry(Operation.READ, Resource.TOPIC, "pages"),
        entry(
            Operation.READ,
            Resource.TOPIC,
            "pag",
            pattern=PatternType.PREFIXED,
            principal="User:bob",
        ),
        entry(Operation.READ, Resource.TOPIC, "*"),
        entry(Operation.READ, Resource.GROUP, "readers"),
    )

    assert await names_found(admin, request_) == names


async def test_a_filter_of_kinds_that_there_are_not_finds_nothing(admin: RawClient) -> None:
    """As in Apache Kafka 4.2."""
    await add_acls(admin, entry(Operation.READ, Resource.TOPIC, "pages"))

    response = await admin.ask(asking(pattern=9), 3, DescribeAclsResponse)

    assert (response.error_code, response.resources) == (ErrorCode.NONE, [])


async def test_a_filter_of_no_kind_ends_the_connection(admin: RawClient) -> None:
    """Apache Kafka cannot read such a request."""
    with pytest.raises((ConnectionError, EOFError)):
        await admin.ask(asking(pattern=0), 3, DescribeAclsResponse)
