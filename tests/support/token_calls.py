"""Delegation tokens over a broker whose client is somebody: the calls that their tests share."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from broker.errors import ErrorCode
from broker.handlers.create_delegation_token import create_delegation_token
from broker.handlers.handler import ListenerAddress, RequestContext
from broker.protocol.messages.create_delegation_token import (
    CreatableRenewers,
    CreateDelegationTokenRequest,
    CreateDelegationTokenResponse,
)
from tests.support.manual_clock import ManualClock
from tests.support.running_broker import RunningBroker, running_broker

DAY_MS = 86_400_000
WITH_TOKENS: dict[str, Any] = {"delegation_token_secret_key": "a secret of the broker"}


@contextlib.asynccontextmanager
async def broker_with_tokens(
    data_dir: Path, clock: ManualClock | None = None, **settings: Any
) -> AsyncIterator[RunningBroker]:
    async with running_broker(data_dir, clock, **{**WITH_TOKENS, **settings}) as broker:
        yield broker


def asked_by(broker: RunningBroker, user: str, now_ms: int | None = None) -> RequestContext:
    """The context of a request of an authenticated user."""
    services = broker.services
    return RequestContext(
        api_version=3,
        client_id="test",
        client_host="/127.0.0.1",
        principal=f"User:{user}",
        listener=ListenerAddress("SASL", broker.host, broker.port),
        now_ms=services.clock.now_ms() if now_ms is None else now_ms,
        services=services,
        connection_id=1,
    )


def wish(
    *renewers: str, lifetime_ms: int = -1, owner: str | None = None
) -> CreateDelegationTokenRequest:
    """A token that these users may renew."""
    return CreateDelegationTokenRequest(
        owner_principal_type="User" if owner else None,
        owner_principal_name=owner,
        renewers=[CreatableRenewers("User", name) for name in renewers],
        max_lifetime_ms=lifetime_ms,
    )


async def made(context: RequestContext, *renewers: str) -> CreateDelegationTokenResponse:
    """A new token of who asks."""
    return await create_delegation_token(wish(*renewers), context)


WHO_MAY_CHANGE_A_TOKEN = pytest.mark.parametrize(
    ("user", "later_ms", "code"),
    [
        ("ann", 0, ErrorCode.NONE),
        ("bob", 0, ErrorCode.NONE),
        ("eve", 0, ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH),
        ("ann", DAY_MS + 1, ErrorCode.DELEGATION_TOKEN_EXPIRED),
    ],
)
"""Who may renew or end ann's token, which bob may renew, and when."""


async def changed(
    handle: Callable[[Any, RequestContext], Awaitable[Any]],
    request_type: Callable[[bytes, int], Any],
    data_dir: Path,
    user: str,
    later_ms: int,
) -> tuple[ErrorCode, int]:
    """(code, how long the token lives after its issue) when `user` wants to give it 5 s."""
    async with broker_with_tokens(data_dir) as broker:
        token = await made(asked_by(broker, "ann"), "bob")
        context = asked_by(broker, user, token.issue_timestamp_ms + later_ms)
        response = await handle(request_type(bytes(token.hmac), 5000), context)
    return ErrorCode(response.error_code), response.expiry_timestamp_ms - token.issue_timestamp_ms


async def changed_by_guessing(
    handle: Callable[[Any, RequestContext], Awaitable[Any]],
    request_type: Callable[[bytes, int], Any],
    data_dir: Path,
) -> ErrorCode:
    """The answer to a proof that is of no token."""
    async with broker_with_tokens(data_dir) as broker:
        await made(asked_by(broker, "ann"))
        response = await handle(request_type(b"guessed", 1), asked_by(broker, "ann"))
    return ErrorCode(response.error_code)
