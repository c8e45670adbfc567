"""Real clients on protected listeners: who is let in, as whom, and what happens to the others.

Only super users may do anything on this broker, so a record that is stored proves who stored it.
"""

import asyncio
import contextlib
import socket
import ssl
import subprocess
import time
import uuid
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.abc import AbstractTokenProvider as AioTokenProvider
from aiokafka.errors import KafkaError as AioKafkaError
from aiokafka.structs import TopicPartition as AioTopicPartition
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # named there, not in its __all__
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.support import tools
from tests.support.certificates import Authority, Pair
from tests.support.java_tools import call, java_tools
from tests.support.ports import free_port
from tests.support.running_broker import BrokerProcess, broker_process
from tests.support.tokens import fresh_token

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it reads its schemas in an old way
    from kafka import KafkaConsumer, KafkaProducer
    from kafka.net.sasl.oauth import AbstractTokenProvider as PythonTokenProvider
    from kafka.structs import TopicPartition as PythonTopicPartition

pytestmark = [pytest.mark.wire, pytest.mark.may_block]

USER, PASSWORD = "alice", "correct horse"
SECRET = b"a secret that only tests know, long enough"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class Login:
    """How a client comes in."""

    protocol: str
    mechanism: str = ""
    certificate: Pair | None = None
    password: str = PASSWORD


@dataclass(frozen=True, slots=True)
class Protected:
    """A broker with a listener of each kind."""

    process: BrokerProcess
    authority: Authority
    mutual: Pair
    ports: dict[str, int]

    def address(self, protocol: str) -> str:
        return f"127.0.0.1:{self.ports[protocol]}"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    directory = tmp_path_factory.mktemp("security")
    authority = Authority(directory)
    users, secret = directory / "users", directory / "secret"
    users.write_text(f"# for tests\n{USER}:{PASSWORD}\nmallory:guessed\n")
    secret.write_bytes(SECRET)
    users.chmod(0o600)
    secret.chmod(0o600)
    ports = {name: free_port() for name in ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")}
    settings = {
        "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
        "ssl_keystore_location": authority.broker().in_one(),
        "ssl_truststore_location": authority.certificate,
        "ssl_client_auth": "requested",
        "ssl_principal_mapping_rules": "RULE:^CN=([a-z]+),OU=Tests,.*$/$1/L,DEFAULT",
        "sasl_enabled_mechanisms": ",".join(MECHANISMS),
        "sasl_plain_users_file": users,
        "sasl_oauthbearer_secret_file": secret,
        "connections_max_reauth_ms": 5_000,
        "authentication_timeout_ms": 1_000,
        "authorizer_enabled": "true",
        "super_users": f"User:{USER};User:mutual",
    }
    with broker_process(directory / "data", **settings) as process:
        made = Protected(process, authority, authority.client("mutual"), ports)
        make_scram_users(made)
        yield made


def make_scram_users(broker: Protected) -> None:
    admin = AdminClient(librdkafka(broker, Login("SASL_PLAINTEXT", "PLAIN")))
    for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        wish = UserScramCredentialUpsertion(
            USER, ScramCredentialInfo(mechanism, 4096), PASSWORD.encode()
        )
        for result in admin.alter_user_scram_credentials([wish]).values():
            result.result(DEADLINE_S)


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


def librdkafka(broker: Protected, login: Login) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "bootstrap.servers": broker.address(login.protocol),
        "security.protocol": login.protocol,
        "ssl.ca.location": str(broker.authority.certificate),
        "topic.metadata.refresh.interval.ms": 500,
        "log_level": 0,
    }
    if login.certificate:
        settings["ssl.certificate.location"] = str(login.certificate.certificate)
        settings["ssl.key.location"] = str(login.certificate.key)
    if login.mechanism:
        settings["sasl.mechanism"] = login.mechanism
    if login.mechanism == "OAUTHBEARER":
        settings["oauth_cb"] = lambda _: (fresh_token(SECRET, USER), time.time() + 600)
    elif login.mechanism:
        settings["sasl.username"], settings["sasl.password"] = USER, login.password
    return settings


def roundtrip_librdkafka(broker: Protected, login: Login, topic: str) -> bytes | None:
    producer = Producer(librdkafka(broker, login))
    producer.produce(topic, b"value")
    assert producer.flush(DEADLINE_S) == 0
    consumer = Consumer({**librdkafka(broker, login), "group.id": topic})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(DEADLINE_S)
    consumer.close()
    assert message is not None and message.error() is None
    value: bytes | None = message.value()
    return value


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


class AioTokens(AioTokenProvider):  # type: ignore[misc]
    async def token(self) -> str:
        return fresh_token(SECRET, USER)


def aio(broker: Protected, login: Login) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "bootstrap_servers": broker.address(login.protocol),
        "security_protocol": login.protocol,
    }
    if "SSL" in login.protocol:
        context = ssl.create_default_context(cafile=str(broker.authority.certificate))
        if login.certificate:
            context.load_cert_chain(login.certificate.certificate, login.certificate.key)
        settings["ssl_context"] = context
    if login.mechanism:
        settings["sasl_mechanism"] = login.mechanism
    if login.mechanism == "OAUTHBEARER":
        settings["sasl_oauth_token_provider"] = AioTokens()
    elif login.mechanism:
        settings["sasl_plain_username"] = USER
        settings["sasl_plain_password"] = login.password
    return settings


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


# Who is not let in


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


# Sessions that end, and hostile neighbours


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
