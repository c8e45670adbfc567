from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.handlers.create_delegation_token import create_delegation_token
from broker.protocol.messages.create_delegation_token import (
    CreatableRenewers,
    CreateDelegationTokenRequest,
    CreateDelegationTokenResponse,
)
from broker.security.credentials import ScramMechanism
from broker.security.sasl import Authentication, Mechanisms
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.token_calls import DAY_MS, asked_by, broker_with_tokens, made, wish


@pytest.mark.parametrize("version", [1, 2, 3])
async def test_nobody_in_particular_gets_no_token(client: RawClient, version: int) -> None:
    response = await client.ask(wish(), version, CreateDelegationTokenResponse)

    assert response.error_code == ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED
    assert response.hmac == b""


async def test_without_a_secret_key_there_are_no_tokens(tmp_path: Path) -> None:
    async with running_broker(tmp_path / "data") as broker:
        response = await create_delegation_token(wish(), asked_by(broker, "ann"))

    assert response.error_code == ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED


async def test_a_token_lives_a_day_and_no_longer_than_a_week(tmp_path: Path) -> None:
    async with broker_with_tokens(tmp_path / "data") as broker:
        context = asked_by(broker, "ann", now_ms=1000)
        token = await create_delegation_token(wish("bob", lifetime_ms=10**15), context)
        short = await create_delegation_token(wish(lifetime_ms=5), context)

    assert token.error_code == ErrorCode.NONE
    assert (token.principal_name, token.token_requester_principal_name) == ("ann", "ann")
    assert token.expiry_timestamp_ms == 1000 + DAY_MS
    assert token.max_timestamp_ms == 1000 + 7 * DAY_MS
    assert (short.expiry_timestamp_ms, short.max_timestamp_ms) == (1005, 1005)


async def test_a_token_works_after_a_restart_and_no_file_has_its_proof(tmp_path: Path) -> None:
    async with broker_with_tokens(tmp_path / "data") as broker:
        token = await made(asked_by(broker, "ann"))
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*.log"))

    async with broker_with_tokens(tmp_path / "data") as broker:
        now_ms = token.issue_timestamp_ms
        tokens = broker.services.security.tokens
        found = tokens.scram(token.token_id, ScramMechanism.SHA_256, now_ms)

    assert found is not None
    assert found.owner == "User:ann"
    assert token.token_id.encode() in stored
    assert bytes(token.hmac) not in stored


async def test_only_users_can_renew(tmp_path: Path) -> None:
    request = CreateDelegationTokenRequest(None, None, [CreatableRenewers("Group", "all")], -1)
    async with broker_with_tokens(tmp_path / "data") as broker:
        response = await create_delegation_token(request, asked_by(broker, "ann"))

    assert response.error_code == ErrorCode.INVALID_PRINCIPAL_TYPE


async def test_a_token_of_another_user_needs_a_right(tmp_path: Path) -> None:
    async with broker_with_tokens(tmp_path / "data", authorizer_enabled=True) as broker:
        response = await create_delegation_token(wish(owner="bob"), asked_by(broker, "ann"))

    assert response.error_code == ErrorCode.DELEGATION_TOKEN_AUTHORIZATION_FAILED


async def test_who_came_in_by_a_token_gets_no_other_one(tmp_path: Path) -> None:
    """Else a token that was given for a day could be lengthened for ever."""
    async with broker_with_tokens(tmp_path / "data") as broker:
        context = asked_by(broker, "ann")
        context.authentication = Authentication(Mechanisms({}, broker.services.clock))
        context.authentication.by_token = True

        response = await create_delegation_token(wish(), context)

    assert response.error_code == ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED
