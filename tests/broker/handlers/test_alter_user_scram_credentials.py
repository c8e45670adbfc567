from pathlib import Path
from typing import Any

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    ScramCredentialDeletion,
    ScramCredentialUpsertion,
)
from broker.security.credentials import ScramMechanism, keys_of, salted
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.security_calls import SALT, broker_and_client, set_password


async def test_keys_are_stored_and_the_password_is_not(tmp_path: Path) -> None:
    async with broker_and_client(tmp_path / "data") as (broker, client):
        assert await set_password(client, "ann", "open sesame", iterations=5000) == (ErrorCode.NONE)

    async with running_broker(tmp_path / "data") as broker:
        kept = broker.services.security.credentials.scram("ann", ScramMechanism.SHA_256)

    proof = salted(ScramMechanism.SHA_256, b"open sesame", SALT, 5000)
    assert kept is not None
    assert (kept.stored_key, kept.server_key) == keys_of(ScramMechanism.SHA_256, proof)
    assert (kept.salt, kept.iterations) == (SALT, 5000)
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*.log"))
    assert b"ann" in stored
    assert proof not in stored


@pytest.mark.parametrize(
    ("user", "mechanism", "iterations", "code"),
    [
        ("", 1, 4096, ErrorCode.UNACCEPTABLE_CREDENTIAL),
        ("ann", 1, 4095, ErrorCode.UNACCEPTABLE_CREDENTIAL),
        ("ann", 2, 16_385, ErrorCode.UNACCEPTABLE_CREDENTIAL),
        ("ann", 3, 4096, ErrorCode.UNSUPPORTED_SASL_MECHANISM),
        ("ann", 2, 16_384, ErrorCode.NONE),
    ],
)
async def test_bounds_of_credentials(
    client: RawClient, user: str, mechanism: int, iterations: int, code: ErrorCode
) -> None:
    assert await set_password(client, user, "secret", mechanism, iterations) == code


async def test_a_deleted_credential_lets_nobody_in(
    client: RawClient, broker: RunningBroker
) -> None:
    await set_password(client, "ann", "secret")
    request = AlterUserScramCredentialsRequest([ScramCredentialDeletion("ann", 1)])

    first = await client.ask(request, 0, AlterUserScramCredentialsResponse)
    again = await client.ask(request, 0, AlterUserScramCredentialsResponse)

    assert first.results[0].error_code == ErrorCode.NONE
    assert again.results[0].error_code == ErrorCode.RESOURCE_NOT_FOUND
    assert broker.services.security.credentials.scram("ann", ScramMechanism.SHA_256) is None


async def test_a_user_named_twice_is_not_changed_at_all(
    client: RawClient, broker: RunningBroker
) -> None:
    await set_password(client, "ann", "secret")
    twice = [ScramCredentialDeletion("ann", 1), ScramCredentialDeletion("ann", 2)]

    response = await client.ask(
        AlterUserScramCredentialsRequest(twice), 0, AlterUserScramCredentialsResponse
    )

    (result,) = response.results
    assert result.error_code == ErrorCode.DUPLICATE_RESOURCE
    assert ("ann", 1) in broker.services.cluster.image.scram


async def test_what_is_wrong_first_is_told_and_a_second_wish_for_a_user_undoes_the_first(
    client: RawClient,
) -> None:
    def wish(name: str, iterations: int = 4096, password: bytes = b"p" * 32) -> Any:
        return ScramCredentialUpsertion(name, 1, iterations, b"salt", password)

    request = AlterUserScramCredentialsRequest(
        [ScramCredentialDeletion("gone", 1)],
        [
            wish("gone"),
            wish("few", 1),
            wish("few"),
            wish("twice"),
            wish("twice"),
            wish("e", 4096, b""),
        ],
    )

    response = await client.ask(request, 0, AlterUserScramCredentialsResponse)

    assert {one.user: one.error_code for one in response.results} == {
        "gone": ErrorCode.RESOURCE_NOT_FOUND,
        "few": ErrorCode.UNACCEPTABLE_CREDENTIAL,
        "twice": ErrorCode.DUPLICATE_RESOURCE,
        "e": ErrorCode.UNACCEPTABLE_CREDENTIAL,
    }
