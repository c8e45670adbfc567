"""A broker with a protected listener of each kind, and the settings that clients come in with.

Only super users may do anything on it, so a record that is stored proves who stored it.
"""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka.abc import AbstractTokenProvider as AioTokenProvider
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # named there, not in its __all__
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.support.certificates import Authority, Pair
from tests.support.ports import free_port
from tests.support.running_broker import BrokerProcess, broker_process
from tests.support.tokens import fresh_token

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


@contextmanager
def protected_broker(directory: Path) -> Iterator[Protected]:
    """One with its data in `directory`, until the block ends."""
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
