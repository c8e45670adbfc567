"""Secrets are in no line of the log, whatever its level, and in no file of the data directory."""

import asyncio
import base64
import logging
from pathlib import Path
from typing import Any

import pytest

from broker.config import BrokerConfig
from broker.errors import ErrorCode
from broker.protocol.messages.create_delegation_token import (
    CreateDelegationTokenRequest,
    CreateDelegationTokenResponse,
)
from broker.protocol.messages.sasl_authenticate import (
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
)
from broker.protocol.messages.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from broker.security.credentials import ScramMechanism
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.scram_client import final_of
from tests.support.security_calls import set_password
from tests.support.tokens import fresh_token

PLAIN_PASSWORD, GUESS = "correct horse battery", "a guess at the password"
SCRAM_PASSWORD = "staple of the scram user"
BEARER_SECRET = b"the shared secret that signs tokens"
TOKEN_KEY = "the key that delegation tokens are made with"
SCRAM = "SCRAM-SHA-256"


def settings_of(directory: Path) -> dict[str, Any]:
    users, secret = directory / "users", directory / "secret"
    users.write_text(f"ann:{PLAIN_PASSWORD}\n")
    secret.write_bytes(BEARER_SECRET)
    for path in (users, secret):
        path.chmod(0o600)
    return {
        "listeners": ("SASL_PLAINTEXT://127.0.0.1:0",),
        "sasl_enabled_mechanisms": ("PLAIN", SCRAM, "OAUTHBEARER"),
        "sasl_plain_users_file": str(users),
        "sasl_oauthbearer_secret_file": str(secret),
        "delegation_token_secret_key": TOKEN_KEY,
        "connection_failed_authentication_delay_ms": 0,
    }


async def chosen(broker: RunningBroker, mechanism: str) -> RawClient:
    """A connection that has chosen how to log in."""
    client = await RawClient.connect(broker.host, broker.port)
    await client.ask(SaslHandshakeRequest(mechanism), 1, SaslHandshakeResponse)
    return client


async def show(client: RawClient, token: bytes) -> SaslAuthenticateResponse:
    request = SaslAuthenticateRequest(token)
    response: SaslAuthenticateResponse = await client.ask(request, 2, SaslAuthenticateResponse)
    return response


async def scram_log_in(broker: RunningBroker, password: str) -> SaslAuthenticateResponse:
    first = b"n,,n=bob,r=a-nonce-of-bob"
    async with await chosen(broker, SCRAM) as client:
        answer = await show(client, first)
        final = final_of(ScramMechanism.SHA_256, first, answer.auth_bytes, password.encode())
        return await show(client, final)


@pytest.mark.may_block  # users are read when the broker is made, here in the loop of the test
async def test_no_secret_of_any_log_in_is_written_anywhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = await asyncio.to_thread(settings_of, tmp_path)
    bearer, forged = fresh_token(BEARER_SECRET, "ann"), fresh_token(b"x" * 40, "ann")
    async with running_broker(tmp_path / "data", **settings) as broker:
        ends = {}
        async with await chosen(broker, "PLAIN") as ann:
            ends["plain"] = (await show(ann, f"\0ann\0{PLAIN_PASSWORD}".encode())).error_code
            await set_password(ann, "bob", SCRAM_PASSWORD)
            made = await ann.ask(
                CreateDelegationTokenRequest(None, None, [], -1), 3, CreateDelegationTokenResponse
            )
        for name, text in (("good bearer", bearer), ("forged bearer", forged)):
            async with await chosen(broker, "OAUTHBEARER") as client:
                answer = await show(client, f"n,,\x01auth=Bearer {text}\x01\x01".encode())
                ends[name] = len(answer.auth_bytes)
        async with await chosen(broker, "PLAIN") as client:
            ends["guess"] = (await show(client, f"\0ann\0{GUESS}".encode())).error_code
        ends["scram"] = (await scram_log_in(broker, SCRAM_PASSWORD)).error_code
        ends["scram guess"] = (await scram_log_in(broker, GUESS)).error_code
    stored = await asyncio.to_thread(
        lambda: b"".join(p.read_bytes() for p in (tmp_path / "data").rglob("*") if p.is_file())
    )

    assert ends["plain"] == ends["scram"] == ends["good bearer"] == ErrorCode.NONE
    assert ends["guess"] == ends["scram guess"] == ErrorCode.SASL_AUTHENTICATION_FAILED
    assert ends["forged bearer"] > 0
    assert "SASL_PLAINTEXT" in caplog.text  # it was listened to
    secrets = [
        PLAIN_PASSWORD,
        GUESS,
        SCRAM_PASSWORD,
        BEARER_SECRET.decode(),
        TOKEN_KEY,
        bearer.rpartition(".")[2],
        forged.rpartition(".")[2],
        base64.b64encode(made.hmac).decode(),
    ]
    assert [secret for secret in secrets if secret in caplog.text] == []
    assert [secret for secret in secrets if secret.encode() in stored] == []
    assert bytes(made.hmac) not in stored


def test_settings_do_not_show_their_secrets() -> None:
    config = BrokerConfig(delegation_token_secret_key=TOKEN_KEY, ssl_key_password=GUESS)

    assert TOKEN_KEY not in f"{config!r} {config}"
    assert GUESS not in f"{config!r} {config}"
