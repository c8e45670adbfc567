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
from tests.support.token_calls import DAY_MS, asked_by, broker_with_tokens, made


@pytest.mark.parametrize("version", [1, 2])
async def test_nobody_in_particular_is_refused(client: RawClient, version: int) -> None:
    response = await client.ask(
        ExpireDelegationTokenRequest(b"proof", 1), version, ExpireDelegationTokenResponse
    )

    assert response.error_code == ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED


@pytest.mark.parametrize(
    ("user", "later_ms", "code"),
    [
        ("ann", 0, ErrorCode.NONE),
        ("bob", 0, ErrorCode.NONE),
        ("eve", 0, ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH),
        ("ann", DAY_MS + 1, ErrorCode.DELEGATION_TOKEN_EXPIRED),
    ],
)
async def test_owner_and_renewers_may_while_it_lives(
    tmp_path: Path, user: str, later_ms: int, code: ErrorCode
) -> None:
    async with broker_with_tokens(tmp_path / "data") as broker:
        token = await made(asked_by(broker, "ann"), "bob")
        context = asked_by(broker, user, token.issue_timestamp_ms + later_ms)

        response = await expire_delegation_token(
            ExpireDelegationTokenRequest(token.hmac, 5000), context
        )

    assert response.error_code == code
    if code is ErrorCode.NONE:
        assert response.expiry_timestamp_ms == token.issue_timestamp_ms + 5000


async def test_a_wrong_proof_finds_no_token(tmp_path: Path) -> None:
    async with broker_with_tokens(tmp_path / "data") as broker:
        await made(asked_by(broker, "ann"))

        response = await expire_delegation_token(
            ExpireDelegationTokenRequest(b"guessed", 1), asked_by(broker, "ann")
        )

    assert response.error_code == ErrorCode.DELEGATION_TOKEN_NOT_FOUND


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
