from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.handlers.renew_delegation_token import renew_delegation_token
from broker.protocol.messages.renew_delegation_token import (
    RenewDelegationTokenRequest,
    RenewDelegationTokenResponse,
)
from tests.support.raw_client import RawClient
from tests.support.token_calls import (
    DAY_MS,
    WHO_MAY_CHANGE_A_TOKEN,
    asked_by,
    broker_with_tokens,
    changed,
    changed_by_guessing,
    made,
)


@pytest.mark.parametrize("version", [1, 2])
async def test_nobody_in_particular_is_refused(client: RawClient, version: int) -> None:
    response = await client.ask(
        RenewDelegationTokenRequest(b"proof", 1), version, RenewDelegationTokenResponse
    )

    assert response.error_code == ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED


@WHO_MAY_CHANGE_A_TOKEN
async def test_owner_and_renewers_may_while_it_lives(
    tmp_path: Path, user: str, later_ms: int, code: ErrorCode
) -> None:
    answered, lives_ms = await changed(
        renew_delegation_token, RenewDelegationTokenRequest, tmp_path, user, later_ms
    )

    assert answered == code
    assert code is not ErrorCode.NONE or lives_ms == 5000


async def test_a_wrong_proof_finds_no_token(tmp_path: Path) -> None:
    code = await changed_by_guessing(renew_delegation_token, RenewDelegationTokenRequest, tmp_path)

    assert code == ErrorCode.DELEGATION_TOKEN_NOT_FOUND


async def test_no_token_lives_longer_than_it_may(tmp_path: Path) -> None:
    async with broker_with_tokens(
        tmp_path / "data", delegation_token_max_lifetime_ms=DAY_MS
    ) as broker:
        token = await made(asked_by(broker, "ann"))
        context = asked_by(broker, "ann", token.issue_timestamp_ms + 1000)

        response = await renew_delegation_token(
            RenewDelegationTokenRequest(token.hmac, 10 * DAY_MS), context
        )

    assert response.expiry_timestamp_ms == token.issue_timestamp_ms + DAY_MS
