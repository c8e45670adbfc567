"""Settings of single listeners, changed over the wire while the broker runs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.alter_configs import (
    AlterableConfig,
    AlterConfigsRequest,
    AlterConfigsResource,
    AlterConfigsResponse,
)
from tests.support.certificates import Authority
from tests.support.config_calls import BROKER, DELETE, SET, altered, described
from tests.support.ports import free_port
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker

pytestmark = pytest.mark.may_block("a broker reads its certificates when it is made")

KEY_STORE = "listener.name.ssl.ssl.keystore.location"
PASSWORD = "listener.name.ssl.ssl.key.password"


@dataclass(frozen=True, slots=True)
class Door:
    """A listener with TLS of a broker, and a client at another listener of it."""

    port: int
    authority: Authority
    client: RawClient

    async def serial_number(self) -> object:
        """Of the certificate that a new client is shown."""
        context = await asyncio.to_thread(self.authority.context)
        _, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=context)
        shown = writer.get_extra_info("peercert")["serialNumber"]
        writer.close()
        return shown

    async def replaced(self, **values: str) -> int:
        """The code of AlterConfigs with these as the only settings of the broker."""
        configs = [AlterableConfig(name, value) for name, value in values.items()]
        request = AlterConfigsRequest([AlterConfigsResource(BROKER, "1", configs)])
        return (await self.client.ask(request, 2, AlterConfigsResponse)).responses[0].error_code


def settings_of(tmp_path: Path, authority: Authority, port: int) -> dict[str, Any]:
    listeners = (f"PLAINTEXT://127.0.0.1:{free_port()}", f"SSL://127.0.0.1:{port}")
    store = tmp_path / "broker.store.pem"
    if not store.exists():
        authority.broker().in_one()
    return {
        "listeners": listeners,
        "ssl_keystore_location": str(store),
        "listener_settings": ("listener.name.ssl.ssl.client.auth=none",),
    }


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def door(tmp_path: Path, authority: Authority) -> AsyncIterator[Door]:
    port = free_port()
    settings = await asyncio.to_thread(settings_of, tmp_path, authority, port)
    async with (
        running_broker(tmp_path / "data", **settings) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        yield Door(port, authority, client)


async def test_new_clients_are_shown_the_certificate_that_a_listener_was_given(
    door: Door, tmp_path: Path
) -> None:
    newer = await asyncio.to_thread(lambda: str(door.authority.broker("newer").in_one()))
    first = await door.serial_number()

    answer = await altered(door.client, BROKER, "1", (KEY_STORE, SET, newer))
    second = await door.serial_number()
    (told,) = (await described(door.client, BROKER, "1", [KEY_STORE])).configs
    await altered(door.client, BROKER, "1", (KEY_STORE, DELETE, None))

    assert answer.error_code == ErrorCode.NONE
    assert first != second
    assert [(one.name, one.value, one.source) for one in told.synonyms] == [
        (KEY_STORE, newer, 2),
        ("ssl.keystore.location", str(tmp_path / "broker.store.pem"), 4),
    ]
    assert await door.serial_number() == first


async def test_what_a_listener_was_given_is_there_after_a_restart(
    tmp_path: Path, authority: Authority
) -> None:
    port, shown = free_port(), []
    newer = await asyncio.to_thread(lambda: str(authority.broker("newer").in_one()))
    settings = await asyncio.to_thread(settings_of, tmp_path, authority, port)
    for change in ([(KEY_STORE, SET, newer)], []):
        async with (
            running_broker(tmp_path / "data", **settings) as broker,
            await RawClient.connect(broker.host, broker.port) as client,
        ):
            for one in change:
                await altered(client, BROKER, "1", one)
            shown.append(await Door(port, authority, client).serial_number())

    assert shown[0] == shown[1]


async def test_a_store_that_cannot_be_used_is_refused_and_nothing_is_recorded(door: Door) -> None:
    first = await door.serial_number()

    by_steps = await altered(door.client, BROKER, "1", (KEY_STORE, SET, "/no/such/file"))
    at_once = await door.replaced(**{KEY_STORE: "/no/such/file"})
    (told,) = (await described(door.client, BROKER, "1", ["ssl.keystore.location"])).configs

    assert by_steps.error_code == at_once == ErrorCode.INVALID_REQUEST
    assert "No such file" in (by_steps.error_message or "")
    assert len(told.synonyms) == 1
    assert (await described(door.client, BROKER, "1", [KEY_STORE])).configs == []
    assert await door.serial_number() == first


async def test_alter_configs_takes_away_what_it_does_not_name(door: Door) -> None:
    newer = await asyncio.to_thread(lambda: str(door.authority.broker("newer").in_one()))
    first = await door.serial_number()
    given = await door.replaced(**{KEY_STORE: newer})
    second = await door.serial_number()

    taken = await door.replaced(**{"log.cleaner.threads": "2"})

    assert given == taken == ErrorCode.NONE
    assert await door.serial_number() == first != second


async def test_settings_of_listeners_are_told_with_their_type_and_without_secrets(
    door: Door,
) -> None:
    await altered(door.client, BROKER, "1", (PASSWORD, SET, "open sesame"))
    file, secret = "listener.name.ssl.ssl.client.auth", PASSWORD

    told = {
        one.name: (one.value, one.config_source, one.is_sensitive, one.config_type)
        for one in (await described(door.client, BROKER, "1", [file, secret])).configs
    }

    assert told == {file: ("none", 4, False, 2), secret: (None, 2, True, 9)}


async def test_keys_and_certificates_in_settings_are_used_and_told_to_nobody(
    tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where the file has them, and in no line of the log."""
    caplog.set_level(logging.DEBUG)
    port = free_port()
    first, newer = await asyncio.to_thread(lambda: (authority.broker(), authority.broker("newer")))
    prefix, names = "listener.name.ssl.ssl.keystore.", ("certificate.chain", "key")
    file, given = (
        {prefix + names[0]: one.certificate.read_text(), prefix + names[1]: one.key.read_text()}
        for one in (first, newer)
    )
    settings: dict[str, Any] = {
        "listeners": (f"PLAINTEXT://127.0.0.1:{free_port()}", f"SSL://127.0.0.1:{port}"),
        "listener_settings": (
            f"{prefix}type=PEM",
            *(f"{name}={text}" for name, text in file.items()),
        ),
    }
    async with (
        running_broker(tmp_path / "data", **settings) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        door = Door(port, authority, client)
        before = await door.serial_number()
        changes = [(name, SET, text) for name, text in given.items()]
        answer = await altered(client, BROKER, "1", *changes)
        after = await door.serial_number()
        told = (await described(client, BROKER, "1", list(given))).configs

    assert answer.error_code == ErrorCode.NONE, answer.error_message
    assert before != after
    assert [(one.value, one.is_sensitive) for one in told] == [(None, True)] * 2
    assert "BEGIN" not in caplog.text
    assert not any(line in caplog.text for line in newer.key.read_text().split()[4:6])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("listener.name.ssl.ssl.client.auth", "maybe", "must be one of"),
        ("listener.name.nowhere.ssl.client.auth", "maybe", "must be one of"),
        ("listener.name.ssl.sasl.enabled.mechanisms", "PLAIN", "update these configs dynamically"),
        ("listener.name.ssl.plain.sasl.jaas.config", "x", "update these configs dynamically"),
        ("listener.name.ssl.ssl.keystore.key", "x", "only for PEM, but key store type is JKS"),
        ("listener.name.ssl.ssl.keystore.password", "x", "cannot be specified with PEM format"),
        ("listener.name.ssl.node.id", "2", "update these configs dynamically"),
        ("listener.name.ssl.num.network.threads", "99", "greater than double the current value 1"),
    ],
)
async def test_what_a_listener_cannot_be_given_while_it_runs_is_refused(
    door: Door, name: str, value: str, words: str
) -> None:
    answer = await altered(door.client, BROKER, "1", (name, SET, value))

    assert answer.error_code == ErrorCode.INVALID_REQUEST
    assert words in (answer.error_message or "")


async def test_names_that_nobody_knows_and_listeners_that_are_not_there_are_kept(
    door: Door,
) -> None:
    """As in Kafka, where they may be a plugin's, or of a listener that the next start makes."""
    unknown = "listener.name.ssl.plugin"
    elsewhere = "listener.name.nowhere.ssl.keystore.location"

    answers = [
        await altered(door.client, BROKER, "1", (name, SET, "/no/such/file"))
        for name in (unknown, elsewhere)
    ]

    assert [one.error_code for one in answers] == [ErrorCode.NONE, ErrorCode.NONE]
    told = (await described(door.client, BROKER, "1", [unknown, elsewhere])).configs
    assert {one.name: one.value for one in told} == {unknown: None, elsewhere: "/no/such/file"}
