from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.handlers.describe_delegation_token import describe_delegation_token
from broker.protocol.messages.describe_delegation_token import (
    DescribeDelegationTokenOwner,
    DescribeDelegationTokenRequest,
    DescribeDelegationTokenResponse,
)
from tests.support.raw_client import RawClient
from tests.support.token_calls import asked_by, broker_with_tokens, made

ALL = DescribeDelegationTokenRequest(None)


@pytest.mark.parametrize("version", [1, 2, 3])
async def test_nobody_in_particular_is_refused(client: RawClient, version: int) -> None:
    response = await client.ask(ALL, version, DescribeDelegationTokenResponse)

    assert response.error_code == ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED


@pytest.mark.parametrize(("user", "seen"), [("ann", 1), ("bob", 1), ("eve", 0)])
async def test_tokens_are_shown_to_owners_and_renewers(
    tmp_path: Path, user: str, seen: int
) -> None:
    async with broker_with_tokens(tmp_path / "data") as broker:
        token = await made(asked_by(broker, "ann"), "bob")

        response = await describe_delegation_token(ALL, asked_by(broker, user))

    assert response.error_code == ErrorCode.NONE
    assert [one.token_id for one in response.tokens] == [token.token_id] * seen
    assert all(one.hmac == token.hmac for one in response.tokens)


@pytest.mark.parametrize(
    ("owners", "seen"),
    [([], 0), ([("User", "ann")], 1), ([("User", "bob")], 1), ([("User", "eve")], 0)],
)
async def test_only_tokens_that_the_named_own_or_may_renew(
    tmp_path: Path, owners: list[tuple[str, str]], seen: int
) -> None:
    request = DescribeDelegationTokenRequest(
        [DescribeDelegationTokenOwner(kind, name) for kind, name in owners]
    )
    async with broker_with_tokens(tmp_path / "data") as broker:
        await made(asked_by(broker, "ann"), "bob")

        response = await describe_delegation_token(request, asked_by(broker, "ann"))

    assert len(response.tokens) == seen
