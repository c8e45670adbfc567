import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from broker.protocol.messages.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    async with running_broker(tmp_path, listeners=("SASL_PLAINTEXT://127.0.0.1:0",)) as running:
        yield running


@pytest.mark.parametrize("version", [0, 1])
async def test_a_mechanism_that_is_offered_is_taken(broker: RunningBroker, version: int) -> None:
    async with await RawClient.connect(broker.host, broker.port) as client:
        response = await client.ask(
            SaslHandshakeRequest("SCRAM-SHA-256"), version, SaslHandshakeResponse
        )

    assert response.error_code == ErrorCode.NONE
    assert response.mechanisms == ["SCRAM-SHA-256", "SCRAM-SHA-512"]


async def test_another_mechanism_is_refused_with_those_that_are_offered(
    broker: RunningBroker,
) -> None:
    async with await RawClient.connect(broker.host, broker.port) as client:
        response = await client.ask(SaslHandshakeRequest("GSSAPI"), 1, SaslHandshakeResponse)
        rest = await asyncio.wait_for(client.read_to_end(), 10)

    assert response.error_code == ErrorCode.UNSUPPORTED_SASL_MECHANISM
    assert response.mechanisms == ["SCRAM-SHA-256", "SCRAM-SHA-512"]
    assert rest == b""


async def test_where_nobody_logs_in_it_is_out_of_place(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        response = await client.ask(SaslHandshakeRequest("PLAIN"), 1, SaslHandshakeResponse)

    assert response.error_code == ErrorCode.ILLEGAL_SASL_STATE


async def test_in_the_middle_of_a_log_in_what_is_no_token_is_told_so_and_ends_it(
    broker: RunningBroker,
) -> None:
    for request, version, answer in (
        (SaslHandshakeRequest("SCRAM-SHA-256"), 1, SaslHandshakeResponse),
        (ApiVersionsRequest(), 0, ApiVersionsResponse),
    ):
        async with await RawClient.connect(broker.host, broker.port) as client:
            await client.ask(SaslHandshakeRequest("SCRAM-SHA-256"), 1, SaslHandshakeResponse)
            response: Any = await client.ask(request, version, answer)
            rest = await asyncio.wait_for(client.read_to_end(), 10)

        assert response.error_code == ErrorCode.ILLEGAL_SASL_STATE
        assert rest == b""
