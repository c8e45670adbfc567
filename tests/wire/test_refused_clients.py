"""Clients that are not let in, or should not be: what they are told, and that it hurts nobody."""

import asyncio
import contextlib
import socket
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError as AioKafkaError
from confluent_kafka import KafkaError, Producer

from tests.support.certificates import Authority
from tests.support.protected_broker import (
    DEADLINE_S,
    USER,
    Login,
    Protected,
    aio,
    librdkafka,
    protected_broker,
    roundtrip_librdkafka,
)
from tests.support.tokens import fresh_token

pytestmark = [pytest.mark.wire, pytest.mark.may_block]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    with protected_broker(tmp_path_factory.mktemp("security")) as made:
        yield made


def refusal(settings: dict[str, Any]) -> Any:
    """The first error that a client is told, as a code of librdkafka."""
    told: list[KafkaError] = []
    producer = Producer({**settings, "error_cb": told.append})
    deadline_s = time.monotonic() + DEADLINE_S
    while not told and time.monotonic() < deadline_s:
        producer.poll(0.1)
    assert told, "no error came"
    return told[0].code(), told[0].str()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_wrong_password_is_told(broker: Protected, mechanism: str) -> None:
    code, text = refusal(librdkafka(broker, Login("SASL_PLAINTEXT", mechanism, password="guess")))

    assert code == KafkaError._AUTHENTICATION, text
    assert "guess" not in text
    assert "Invalid username or password" in text or "invalid credentials" in text


async def test_aiokafka_is_told_a_wrong_password(broker: Protected) -> None:
    producer = AIOKafkaProducer(**aio(broker, Login("SASL_SSL", "PLAIN", password="guess")))

    with pytest.raises(AioKafkaError):
        await asyncio.wait_for(producer.start(), DEADLINE_S)

    await producer.stop()


def test_a_token_signed_by_another_is_refused(broker: Protected) -> None:
    settings = librdkafka(broker, Login("SASL_SSL", "OAUTHBEARER"))
    settings["oauth_cb"] = lambda _: (fresh_token(b"x" * 40, USER), time.time() + 600)

    code, text = refusal(settings)

    assert code == KafkaError._AUTHENTICATION, text
    assert "invalid_token" in text


def test_an_anonymous_client_over_tls_is_in_but_may_do_nothing(broker: Protected) -> None:
    errors: list[Any] = []
    producer = Producer({**librdkafka(broker, Login("SSL")), "allow.auto.create.topics": True})
    producer.produce("forbidden", b"x", on_delivery=lambda error, _: errors.append(error))

    assert producer.flush(DEADLINE_S) == 0

    assert errors[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_a_client_certificate_of_another_authority_is_refused(
    broker: Protected, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path).client("mutual")

    code, _ = refusal(librdkafka(broker, Login("SSL", certificate=stranger)))

    assert code in (KafkaError._SSL, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)


# Hostile neighbours


def read_to_end(client: socket.socket) -> bytes:
    received = b""
    while data := client.recv(65536):
        received += data
    return received


def test_a_client_that_does_not_shake_hands_is_cut_off(broker: Protected) -> None:
    started_s = time.monotonic()
    with socket.create_connection(("127.0.0.1", broker.ports["SSL"])) as client:
        client.settimeout(DEADLINE_S)
        client.sendall(b"\x16\x03\x01")  # the first bytes of a handshake, and no more

        with contextlib.suppress(ConnectionError):  # a reset is an end as well
            assert read_to_end(client) == b""

    assert 0.5 < time.monotonic() - started_s < DEADLINE_S


def test_a_client_that_does_not_log_in_is_cut_off(broker: Protected) -> None:
    with socket.create_connection(("127.0.0.1", broker.ports["SASL_PLAINTEXT"])) as client:
        client.settimeout(DEADLINE_S)

        with contextlib.suppress(ConnectionError):  # a reset is an end as well
            assert read_to_end(client) == b""


def test_garbage_on_a_tls_port_hurts_nobody(broker: Protected) -> None:
    def throw(number: int) -> None:
        with socket.create_connection(("127.0.0.1", broker.ports["SASL_SSL"])) as client:
            client.settimeout(DEADLINE_S)
            with contextlib.suppress(ConnectionError):  # a reset is an end as well
                client.sendall(bytes([number % 256]) * (number * 50 + 10))
                read_to_end(client)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(throw, range(60)))

    topic = f"after-{uuid.uuid4().hex}"
    assert roundtrip_librdkafka(broker, Login("SASL_SSL", "SCRAM-SHA-256"), topic) == b"value"
