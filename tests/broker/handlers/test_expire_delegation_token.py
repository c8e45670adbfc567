import asyncio
from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.handlers.expire_delegation_token import expire_delegation_token
from broker.metadata.image import ClusterImage
from broker.protocol.messages.expire_delegation_token import (
    ExpireDelegationTokenRequest,
    ExpireDelegationTokenResponse,
)
from tests.support.raw_client import RawClient
from tests.support.token_calls import (
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
        ExpireDelegationTokenRequest(b"proof", 1), version, ExpireDelegationTokenResponse
    )

    assert response.error_code == ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED


@WHO_MAY_CHANGE_A_TOKEN
async def test_owner_and_renewers_may_while_it_lives(
    tmp_path: Path, user: str, later_ms: int, code: ErrorCode
) -> None:
    answered, lives_ms = await changed(
        expire_delegation_token, ExpireDelegationTokenRequest, tmp_path, user, later_ms
    )

    assert answered == code
    assert code is not ErrorCode.NONE or lives_ms == 5000


async def test_a_wrong_proof_finds_no_token(tmp_path: Path) -> None:
    code = await changed_by_guessing(
        expire_delegation_token, ExpireDelegationTokenRequest, tmp_path
    )

    assert code == ErrorCode.DELEGATION_TOKEN_NOT_FOUND


async def test_a_negative_period_ends_it_at_once(tmp_path: Path) -> None:
    async with broker_with_tokens(tmp_path / "data") as broker:
        token = await made(asked_by(broker, "ann"))

        response = await expire_delegation_token(
            ExpireDelegationTokenRequest(token.hmac, -1), asked_by(broker, "ann")
        )

        assert response.error_code == ErrorCode.NONE
        assert not broker.services.cluster.image.tokens


async def test_a_token_that_has_ended_is_removed(tmp_path: Path) -> None:
    async with broker_with_tokens(
        tmp_path / "data",
        delegation_token_expiry_time_ms=1,
        delegation_token_expiry_check_interval_ms=10,
    ) as broker:
        gone = asyncio.Event()

        async def follow(image: ClusterImage) -> None:
            if not image.tokens:
                gone.set()

        await made(asked_by(broker, "ann"))
        broker.services.cluster.followed_by(follow)

        await asyncio.wait_for(gone.wait(), 10)

        assert not broker.services.cluster.image.tokens
