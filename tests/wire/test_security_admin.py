"""ACLs, SCRAM credentials and quotas with the clients and tools of the field, unchanged."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import confluent_kafka.admin
import pytest
from confluent_kafka import KafkaError, KafkaException

from tests.support.java_tools import JavaTools, java_tools
from tests.support.ports import free_port
from tests.support.running_broker import broker_process

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # kafka-python reads its schemas by a deprecated call
    from kafka.admin import (
        ACL,
        ACLFilter,
        ACLOperation,
        ACLPermissionType,
        ACLResourcePatternType,
        KafkaAdminClient,
        ResourcePattern,
        ResourcePatternFilter,
        ResourceType,
    )

pytestmark = [pytest.mark.wire, pytest.mark.timeout(240)]
TIMEOUT_S = 60.0
admin: Any = confluent_kafka.admin  # its types are in private modules


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where one broker listens."""

    open: str
    guarded: str


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """A broker that asks its entries; who connects without a name is a super user."""
    directory = tmp_path_factory.mktemp("secured") / "data"
    open_port, guarded_port = free_port(), free_port()
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{open_port},SASL_PLAINTEXT://127.0.0.1:{guarded_port}",
        "sasl_enabled_mechanisms": "SCRAM-SHA-256",
        "authorizer_enabled": "true",
        "super_users": "User:ANONYMOUS",
    }
    with broker_process(directory, **settings):
        yield Addresses(f"127.0.0.1:{open_port}", f"127.0.0.1:{guarded_port}")


@pytest.fixture(scope="module")
def bootstrap(addresses: Addresses) -> str:
    return addresses.open


@pytest.fixture(scope="module")
def java(bootstrap: str) -> JavaTools:
    return java_tools(bootstrap)


@pytest.fixture
def client(bootstrap: str) -> Any:
    return admin.AdminClient({"bootstrap.servers": bootstrap})


def binding(
    name: str, principal: str = "User:librd", operation: Any = admin.AclOperation.READ
) -> Any:
    return admin.AclBinding(
        admin.ResourceType.TOPIC,
        name,
        admin.ResourcePatternType.PREFIXED,
        principal,
        "*",
        operation,
        admin.AclPermissionType.ALLOW,
    )


def any_of(principal: str) -> Any:
    return admin.AclBindingFilter(
        admin.ResourceType.ANY,
        None,
        admin.ResourcePatternType.ANY,
        principal,
        None,
        admin.AclOperation.ANY,
        admin.AclPermissionType.ANY,
    )


def test_librdkafka_adds_lists_and_removes_entries(client: Any) -> None:
    wanted = binding("librd-")
    for made in client.create_acls([wanted]).values():
        made.result(TIMEOUT_S)

    listed = client.describe_acls(any_of("User:librd")).result(TIMEOUT_S)
    (removed,) = client.delete_acls([any_of("User:librd")]).values()

    assert listed == [wanted]
    assert removed.result(TIMEOUT_S) == [wanted]
    assert client.describe_acls(any_of("User:librd")).result(TIMEOUT_S) == []


def test_librdkafka_sets_describes_and_removes_passwords(client: Any) -> None:
    info = admin.ScramCredentialInfo(admin.ScramMechanism.SCRAM_SHA_512, 8192)
    setting = admin.UserScramCredentialUpsertion("librd", info, b"secret")
    deletion = admin.UserScramCredentialDeletion("librd", admin.ScramMechanism.SCRAM_SHA_512)

    client.alter_user_scram_credentials([setting])["librd"].result(TIMEOUT_S)
    told = client.describe_user_scram_credentials(["librd"])["librd"].result(TIMEOUT_S)
    client.alter_user_scram_credentials([deletion])["librd"].result(TIMEOUT_S)
    gone = client.describe_user_scram_credentials(["librd"])["librd"]

    (credential,) = told.scram_credential_infos
    assert (credential.mechanism, credential.iterations) == (info.mechanism, 8192)
    with pytest.raises(KafkaException) as refusal:
        gone.result(TIMEOUT_S)
    assert refusal.value.args[0].code() == KafkaError.RESOURCE_NOT_FOUND


def test_kafka_python_adds_lists_and_removes_entries(bootstrap: str) -> None:
    client = KafkaAdminClient(bootstrap_servers=bootstrap)
    wanted = ACL(
        "User:python",
        "*",
        ACLOperation.WRITE,
        ACLPermissionType.DENY,
        ResourcePattern(ResourceType.TOPIC, "python"),
    )
    every = ACLFilter(
        "User:python",
        None,
        ACLOperation.ANY,
        ACLPermissionType.ANY,
        ResourcePatternFilter(ResourceType.TOPIC, None, ACLResourcePatternType.ANY),
    )
    try:
        made = client.create_acls([wanted])
        listed = client.describe_acls(every)
        removed = client.delete_acls([every])
    finally:
        client.close()

    assert not made["failed"]
    assert "python" in str(listed)
    assert "python" in str(removed)


def said(java: JavaTools, tool: str, line: str, *more: str) -> str:
    """What a tool writes that succeeds, as one line."""
    return " ".join(java.succeeds(tool, line, *more))


def test_the_acl_tool_gives_a_consumer_its_rights_and_takes_them(java: JavaTools) -> None:
    said(
        java,
        "AclCommand",
        "--add --allow-principal User:java --consumer --topic java-pages --group java-readers",
    )
    listed = said(java, "AclCommand", "--list --principal User:java")
    said(
        java,
        "AclCommand",
        "--remove --force --allow-principal User:java --topic java-pages --consumer"
        " --group java-readers",
    )
    left = said(java, "AclCommand", "--list --topic java-pages")

    assert "resourceType=TOPIC, name=java-pages, patternType=LITERAL" in listed
    assert "principal=User:java, host=*, operation=READ, permissionType=ALLOW" in listed
    assert "resourceType=GROUP, name=java-readers" in listed
    assert "User:java" not in left


def test_the_configs_tool_sets_and_shows_quotas_and_passwords(java: JavaTools) -> None:
    said(
        java,
        "ConfigCommand",
        "--alter --entity-type users --entity-name java --entity-type clients --entity-default"
        " --add-config producer_byte_rate=1024,request_percentage=50.5",
    )
    said(
        java,
        "ConfigCommand",
        "--alter --entity-type users --entity-name java --add-config",
        "SCRAM-SHA-256=[iterations=4096,password=secret]",
    )
    quotas = said(
        java,
        "ConfigCommand",
        "--describe --entity-type users --entity-name java --entity-type clients",
    )
    user = said(java, "ConfigCommand", "--describe --entity-type users --entity-name java")

    assert "producer_byte_rate=1024.0" in quotas
    assert "request_percentage=50.5" in quotas
    assert "SCRAM-SHA-256=iterations=4096" in user
    assert "secret" not in user


def test_the_configs_tool_sets_the_connection_rate_of_an_address(java: JavaTools) -> None:
    said(
        java,
        "ConfigCommand",
        "--alter --entity-type ips --entity-name 10.1.2.3 --add-config connection_creation_rate=7",
    )

    told = said(java, "ConfigCommand", "--describe --entity-type ips --entity-name 10.1.2.3")

    assert "connection_creation_rate=7.0" in told


def test_a_user_may_do_what_the_entries_say_and_nothing_else(
    addresses: Addresses, client: Any
) -> None:
    """A user with a password of the broker's own, from the first log-in to the first refusal."""
    info = admin.ScramCredentialInfo(admin.ScramMechanism.SCRAM_SHA_256, 4096)
    setting = admin.UserScramCredentialUpsertion("ann", info, b"open sesame")
    client.alter_user_scram_credentials([setting])["ann"].result(TIMEOUT_S)
    topics = [admin.NewTopic(name, 1) for name in ("ann-pages", "others")]
    for made in client.create_topics(topics).values():
        made.result(TIMEOUT_S)
    right = binding("ann-", "User:ann", admin.AclOperation.WRITE)
    for made in client.create_acls([right]).values():
        made.result(TIMEOUT_S)
    as_ann = {
        "bootstrap.servers": addresses.guarded,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": "ann",
        "sasl.password": "open sesame",
    }
    told: dict[str, Any] = {}
    producer = confluent_kafka.Producer({**as_ann, "enable.idempotence": True})

    def delivered(error: KafkaError | None, message: Any) -> None:
        told[message.topic()] = error

    for name in ("ann-pages", "others"):
        producer.produce(name, b"x", on_delivery=delivered)
    producer.flush(TIMEOUT_S)
    seen = admin.AdminClient(as_ann).list_topics(timeout=TIMEOUT_S).topics

    assert told["ann-pages"] is None
    assert told["others"].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert set(seen) == {"ann-pages"}
