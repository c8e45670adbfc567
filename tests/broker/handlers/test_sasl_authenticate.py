import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from broker.protocol.messages.metadata import MetadataRequest, MetadataResponse
from broker.protocol.messages.sasl_authenticate import (
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
)
from broker.protocol.messages.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from tests.support.manual_clock import ManualClock
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker

pytestmark = pytest.mark.may_block  # the file of users is read when the broker starts

RIGHT, WRONG = b"\0alice\0secret", b"\0alice\0guess"
VERSIONS = [0, 1, 2]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def broker(tmp_path: Path, clock: ManualClock) -> AsyncIterator[RunningBroker]:
    users = tmp_path / "users"
    users.write_text("alice:secret\nbob:secret\n")
    users.chmod(0o600)
    settings: dict[str, Any] = {
        "listeners": ("SASL_PLAINTEXT://127.0.0.1:0",),
        "sasl_enabled_mechanisms": ("PLAIN",),
        "sasl_plain_users_file": str(users),
        "connections_max_reauth_ms": 60_000,
        "connection_failed_authentication_delay_ms": 10,
    }
    async with running_broker(tmp_path, clock, **settings) as running:
        yield running


async def log_in(
    client: RawClient, token: bytes, version: int = 2
) -> tuple[SaslHandshakeResponse, SaslAuthenticateResponse]:
    chosen = await client.ask(SaslHandshakeRequest("PLAIN"), 1, SaslHandshakeResponse)
    return chosen, await client.ask(
        SaslAuthenticateRequest(token), version, SaslAuthenticateResponse
    )


async def is_served(client: RawClient) -> bool:
    return bool((await client.ask(MetadataRequest(), 12, MetadataResponse)).brokers)


async def ends(client: RawClient) -> bool:
    return await asyncio.wait_for(client.read_to_end(), 10) == b""


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_right_password_opens_the_connection(broker: RunningBroker, version: int) -> None:
    async with await RawClient.connect(broker.host, broker.port) as client:
        _, response = await log_in(client, RIGHT, version)

        assert response.error_code == ErrorCode.NONE
        assert response.session_lifetime_ms == (60_000 if version else 0)
        assert await is_served(client)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_wrong_password_is_told_and_the_connection_ends(
    broker: RunningBroker, version: int
) -> None:
    async with await RawClient.connect(broker.host, broker.port) as client:
        _, response = await log_in(client, WRONG, version)

        assert response.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
        assert response.error_message == "Authentication failed: Invalid username or password"
        assert await ends(client)


async def test_after_a_wrong_password_nothing_is_answered(broker: RunningBroker) -> None:
    async with await RawClient.connect(broker.host, broker.port) as client:
        await log_in(client, WRONG)
        client.send(SaslHandshakeRequest("PLAIN"), 1)

        assert await ends(client)


async def test_versions_may_be_asked_for_first(broker: RunningBroker) -> None:
    async with await RawClient.connect(broker.host, broker.port) as client:
        response = await client.ask(
            ApiVersionsRequest(client_software_name="raw", client_software_version="1"),
            3,
            ApiVersionsResponse,
        )
        await log_in(client, RIGHT)

        assert response.error_code == ErrorCode.NONE
        assert await is_served(client)


@pytest.mark.parametrize(
    "request_first", [MetadataRequest(), SaslAuthenticateRequest(RIGHT)], ids=["metadata", "token"]
)
async def test_anything_else_before_a_log_in_ends_the_connection(
    broker: RunningBroker, request_first: Any
) -> None:
    async with await RawClient.connect(broker.host, broker.port) as client:
        client.send(request_first, 2)

        assert await ends(client)


async def test_a_large_frame_before_a_log_in_ends_the_connection(broker: RunningBroker) -> None:
    async with await RawClient.connect(broker.host, broker.port) as client:
        client.send_bytes((600_000).to_bytes(4, "big"))

        assert await ends(client)


async def test_bare_tokens_follow_a_handshake_in_version_0(broker: RunningBroker) -> None:
    async with await RawClient.connect(broker.host, broker.port) as client:
        await client.ask(SaslHandshakeRequest("PLAIN"), 0, SaslHandshakeResponse)
        client.send_bytes(len(RIGHT).to_bytes(4, "big") + RIGHT)
        answer = await client.receive_frame()

        assert answer == b""
        assert await is_served(client)


async def test_a_wrong_bare_token_ends_the_connection(broker: RunningBroker) -> None:
    async with await RawClient.connect(broker.host, broker.port) as client:
        await client.ask(SaslHandshakeRequest("PLAIN"), 0, SaslHandshakeResponse)
        client.send_bytes(len(WRONG).to_bytes(4, "big") + WRONG)

        assert await ends(client)


async def test_a_session_that_has_run_out_ends_with_the_next_request(
    broker: RunningBroker, clock: ManualClock
) -> None:
    async with await RawClient.connect(broker.host, broker.port) as client:
        await log_in(client, RIGHT)
        clock.advance(60_000)
        client.send(MetadataRequest(), 12)

        assert await ends(client)


async def test_a_session_is_renewed_on_the_same_connection(
    broker: RunningBroker, clock: ManualClock
) -> None:
    async with await RawClient.connect(broker.host, broker.port) as client:
        await log_in(client, RIGHT)
        clock.advance(61_000)
        _, response = await log_in(client, RIGHT)
        clock.advance(30_000)

        assert response.session_lifetime_ms == 60_000
        assert await is_served(client)


async def test_a_renewal_as_another_user_is_refused(
    broker: RunningBroker, clock: ManualClock
) -> None:
    async with await RawClient.connect(broker.host, broker.port) as client:
        await log_in(client, RIGHT)
        clock.advance(2_000)
        _, response = await log_in(client, b"\0bob\0secret")

        assert response.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
        assert await ends(client)


async def test_a_renewal_within_a_second_is_out_of_place(broker: RunningBroker) -> None:
    async with await RawClient.connect(broker.host, broker.port) as client:
        await log_in(client, RIGHT)
        chosen, _ = await log_in(client, RIGHT)

        assert chosen.error_code == ErrorCode.ILLEGAL_SASL_STATE
        assert await is_served(client)


async def test_where_nobody_logs_in_a_token_is_out_of_place(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        response = await client.ask(SaslAuthenticateRequest(RIGHT), 2, SaslAuthenticateResponse)

    assert response.error_code == ErrorCode.ILLEGAL_SASL_STATE


async def test_log_ins_are_counted(broker: RunningBroker, clock: ManualClock) -> None:
    for token in (RIGHT, WRONG, WRONG):
        async with await RawClient.connect(broker.host, broker.port) as client:
            await log_in(client, token)
    async with await RawClient.connect(broker.host, broker.port) as client:
        await log_in(client, RIGHT)
        clock.advance(2_000)
        await log_in(client, RIGHT)

    text = broker.services.metrics.exposition().decode()

    family = "kafka_server_socket_server_metrics_"
    listener = '{listener="SASL_PLAINTEXT"}'
    assert f"{family}successful_authentication_total{listener} 2.0" in text
    assert f"{family}failed_authentication_total{listener} 2.0" in text
    assert f"{family}successful_reauthentication_total{listener} 1.0" in text
