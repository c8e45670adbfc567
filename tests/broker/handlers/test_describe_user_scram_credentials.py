from broker.errors import ErrorCode
from broker.protocol.messages.describe_user_scram_credentials import (
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
    UserName,
)
from broker.security.credentials import ScramMechanism
from tests.support.raw_client import RawClient
from tests.support.security_calls import set_password


async def described(
    client: RawClient, *names: str
) -> dict[str, tuple[ErrorCode, list[tuple[int, int]]]]:
    request = DescribeUserScramCredentialsRequest([UserName(name) for name in names] or None)
    response = await client.ask(request, 0, DescribeUserScramCredentialsResponse)
    assert response.error_code == ErrorCode.NONE
    return {
        result.user: (
            ErrorCode(result.error_code),
            [(info.mechanism, info.iterations) for info in result.credential_infos],
        )
        for result in response.results
    }


async def test_all_users_are_told_with_their_mechanisms(client: RawClient) -> None:
    await set_password(client, "ann", "a", ScramMechanism.SHA_512, 8192)
    await set_password(client, "ann", "a", ScramMechanism.SHA_256, 4096)
    await set_password(client, "bob", "b")

    found = await described(client)

    assert found == {
        "ann": (ErrorCode.NONE, [(1, 4096), (2, 8192)]),
        "bob": (ErrorCode.NONE, [(1, 4096)]),
    }


async def test_a_user_without_credentials_is_not_found(client: RawClient) -> None:
    assert await described(client, "nobody") == {"nobody": (ErrorCode.RESOURCE_NOT_FOUND, [])}


async def test_a_user_asked_for_twice_is_refused(client: RawClient) -> None:
    await set_password(client, "ann", "a")

    found = await described(client, "ann", "ann")

    assert found == {"ann": (ErrorCode.DUPLICATE_RESOURCE, [])}


async def test_without_any_user_the_list_is_empty(client: RawClient) -> None:
    assert await described(client) == {}
