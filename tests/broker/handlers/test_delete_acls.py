import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.delete_acls import (
    DeleteAclsFilter,
    DeleteAclsRequest,
    DeleteAclsResponse,
)
from broker.security.acls import ANY, Operation, Resource
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.security_calls import add_acls, entry


async def deleted(client: RawClient, *filters: DeleteAclsFilter) -> DeleteAclsResponse:
    return await client.ask(DeleteAclsRequest(list(filters)), 3, DeleteAclsResponse)


async def test_without_an_authorizer_security_is_disabled(client: RawClient) -> None:
    response = await deleted(client, DeleteAclsFilter(ANY, None, ANY, None, None, ANY, ANY))

    assert response.filter_results[0].error_code == ErrorCode.SECURITY_DISABLED
    assert response.filter_results[0].error_message == "No Authorizer is configured."


async def test_what_a_filter_matches_is_gone_and_named(
    admin: RawClient, secured: RunningBroker
) -> None:
    await add_acls(
        admin,
        entry(Operation.READ, Resource.TOPIC, "pages"),
        entry(Operation.READ, Resource.TOPIC, "visits"),
    )

    response = await deleted(admin, DeleteAclsFilter(ANY, "pages", ANY, None, None, ANY, ANY))

    (gone,) = response.filter_results[0].matching_acls
    assert (gone.error_code, gone.resource_name) == (ErrorCode.NONE, "pages")
    (left,) = secured.services.cluster.image.acls.values()
    assert left.resource_name == "visits"


async def test_a_wrong_filter_does_not_stop_the_next(
    admin: RawClient, secured: RunningBroker
) -> None:
    await add_acls(admin, entry(Operation.READ, Resource.TOPIC, "pages"))

    response = await deleted(
        admin,
        DeleteAclsFilter(99, None, ANY, None, None, ANY, ANY),
        DeleteAclsFilter(Resource.TOPIC, None, ANY, None, None, ANY, ANY),
    )

    codes = [result.error_code for result in response.filter_results]
    assert codes == [ErrorCode.INVALID_REQUEST, ErrorCode.NONE]
    assert response.filter_results[0].error_message == "Unknown patternFilter."
    assert not secured.services.cluster.image.acls


async def test_a_filter_of_no_kind_ends_the_connection(admin: RawClient) -> None:
    """Apache Kafka cannot read such a request."""
    with pytest.raises((ConnectionError, EOFError)):
        await deleted(admin, DeleteAclsFilter(0, None, ANY, None, None, ANY, ANY))
