"""Real clients on protected listeners: who is let in, and as whom."""

import asyncio
import subprocess
import time
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition as AioTopicPartition
from confluent_kafka import Producer

from tests.support import tools
from tests.support.java_tools import call, java_tools
from tests.support.protected_broker import (
    DEADLINE_S,
    MECHANISMS,
    PASSWORD,
    SECRET,
    USER,
    Login,
    Protected,
    aio,
    librdkafka,
    protected_broker,
    roundtrip_librdkafka,
)
from tests.support.tokens import fresh_token

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it reads its schemas in an old way
    from kafka import KafkaConsumer, KafkaProducer
    from kafka.net.sasl.oauth import AbstractTokenProvider as PythonTokenProvider
    from kafka.structs import TopicPartition as PythonTopicPartition

pytestmark = [pytest.mark.wire, pytest.mark.may_block]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    with protected_broker(tmp_path_factory.mktemp("security")) as made:
        yield made


def logins() -> list[Any]:
    """Every way in that ends as a super user; `mutual` stands for the client's certificate."""
    ways = [
        pytest.param(Login(protocol, mechanism), id=f"{protocol} {mechanism}")
        for protocol in ("SASL_PLAINTEXT", "SASL_SSL")
        for mechanism in MECHANISMS
    ]
    return [*ways, pytest.param(None, id="mutual TLS")]


def way_in(broker: Protected, login: Login | None) -> Login:
    return login or Login("SSL", certificate=broker.mutual)


# confluent-kafka


@pytest.mark.parametrize("login", logins())
def test_confluent_kafka_comes_in(broker: Protected, login: Login | None) -> None:
    topic = f"rd-{uuid.uuid4().hex}"

    value = roundtrip_librdkafka(broker, way_in(broker, login), topic)

    assert value == b"value"


# kafka-python


class PythonTokens(PythonTokenProvider):  # type: ignore[misc]
    def token(self) -> str:
        return fresh_token(SECRET, USER)


def kafka_python(broker: Protected, login: Login) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "bootstrap_servers": broker.address(login.protocol),
        "security_protocol": login.protocol,
        "ssl_cafile": str(broker.authority.certificate),
    }
    if login.certificate:
        settings["ssl_certfile"] = str(login.certificate.certificate)
        settings["ssl_keyfile"] = str(login.certificate.key)
    if login.mechanism:
        settings["sasl_mechanism"] = login.mechanism
    if login.mechanism == "OAUTHBEARER":
        settings["sasl_oauth_token_provider"] = PythonTokens()
    elif login.mechanism:
        settings["sasl_plain_username"] = USER
        settings["sasl_plain_password"] = login.password
    return settings


@pytest.mark.parametrize("login", logins())
def test_kafka_python_comes_in(broker: Protected, login: Login | None) -> None:
    settings, topic = kafka_python(broker, way_in(broker, login)), f"py-{uuid.uuid4().hex}"

    producer = KafkaProducer(**settings)
    producer.send(topic, b"value", partition=0).get(DEADLINE_S)
    producer.close()
    consumer = KafkaConsumer(**settings, consumer_timeout_ms=int(DEADLINE_S * 1000))
    consumer.assign([PythonTopicPartition(topic, 0)])
    consumer.seek_to_beginning()
    value = next(consumer).value
    consumer.close()

    assert value == b"value"


# aiokafka


@pytest.mark.parametrize("login", logins())
async def test_aiokafka_comes_in(broker: Protected, login: Login | None) -> None:
    settings, topic = aio(broker, way_in(broker, login)), f"aio-{uuid.uuid4().hex}"

    async with AIOKafkaProducer(**settings) as producer:
        await producer.send_and_wait(topic, b"value", partition=0)
    consumer = AIOKafkaConsumer(**settings)
    await consumer.start()
    consumer.assign([AioTopicPartition(topic, 0)])
    await consumer.seek_to_beginning()
    message = await asyncio.wait_for(consumer.getone(), DEADLINE_S)
    await consumer.stop()

    assert message.value == b"value"


# Apache Kafka's own tools, and kcat


def java_settings(broker: Protected, directory: Path, password: str) -> Path:
    """A file of settings for the tools: SASL_SSL with SCRAM-SHA-512."""
    path = directory / f"{uuid.uuid4().hex}.properties"
    path.write_text(
        "security.protocol=SASL_SSL\n"
        "ssl.truststore.type=PEM\n"
        f"ssl.truststore.location={broker.authority.certificate}\n"
        "sasl.mechanism=SCRAM-SHA-512\n"
        "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required"
        f' username="{USER}" password="{password}";\n'
    )
    return path


def test_the_java_tools_come_in_by_scram_over_tls(broker: Protected, tmp_path: Path) -> None:
    java = java_tools(broker.address("SASL_SSL"))
    good = java_settings(broker, tmp_path, PASSWORD)
    bad = java_settings(broker, tmp_path, "a guess at it")
    topic = f"java-{uuid.uuid4().hex}"

    written, refused = java.run_all(
        call(
            "ConsoleProducer",
            f"--topic {topic} --command-config {good}",
            stdin="from java\n",
        ),
        call("TopicCommand", f"--list --command-config {bad}"),
    )
    read = java.run(
        "ConsoleConsumer",
        f"--topic {topic} --from-beginning --max-messages 1 --timeout-ms 20000",
        "--command-config",
        str(good),
    )

    assert written.code == 0, written
    assert read.lines[:1] == ["from java"], read
    assert refused.code != 0
    assert "invalid credentials with SASL mechanism SCRAM-SHA-512" in refused.out + refused.errors


def test_kcat_comes_in_by_a_certificate(broker: Protected) -> None:
    topic = f"kcat-{uuid.uuid4().hex}"
    pair = broker.mutual
    way = [tools.kcat(), "-b", broker.address("SSL"), "-X", "security.protocol=SSL"]
    for name, value in (
        ("ca", broker.authority.certificate),
        ("certificate", pair.certificate),
        ("key", pair.key),
    ):
        way += ["-X", f"ssl.{name}.location={value}"]

    def run(*arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [*way, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S * 2,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("-P", "-t", topic, stdin="from kcat\n")

    assert run("-C", "-t", topic, "-o", "beginning", "-e", "-q") == "from kcat\n"


# Sessions that end


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "OAUTHBEARER"])
def test_a_producer_outlives_its_session(broker: Protected, mechanism: str) -> None:
    """The session is 5 s; librdkafka logs in anew on the same connection before it ends."""
    topic, failures = f"long-{uuid.uuid4().hex}", []
    producer = Producer(librdkafka(broker, Login("SASL_SSL", mechanism)))

    def delivered(error: Any, _: Any) -> None:
        if error is not None:
            failures.append(error)

    deadline_s = time.monotonic() + 8
    sent = 0
    while time.monotonic() < deadline_s:
        producer.produce(topic, b"x", on_delivery=delivered)
        sent += 1
        producer.poll(0.05)

    assert producer.flush(DEADLINE_S) == 0
    assert failures == []
    assert sent > 20
