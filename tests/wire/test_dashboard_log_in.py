"""[clusters.NAME] with TLS and log-in: both clients of the dashboard come in, or neither does."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # named there, not in its __all__
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.running_broker import broker_process
from tracker.config import KafkaConfig
from tracker.kafka.admin import Admin, ClusterUnavailable
from tracker.kafka.bulk import Bulk
from tracker.kafka.inventory import Inventory
from tracker.kafka.line import Line

pytestmark = [pytest.mark.wire, pytest.mark.may_block]

USER, PASSWORD = "watcher", "correct horse"
MECHANISMS = {
    "SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256,
    "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512,
}
SECONDS = 20.0


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Settings that let a dashboard in, but for the mechanism."""
    directory = tmp_path_factory.mktemp("log-in")
    authority = Authority(directory)
    plain, port = free_port(), free_port()
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{port}",
        "ssl_keystore_location": authority.broker().in_one(),
        "sasl_enabled_mechanisms": ",".join(MECHANISMS),
    }
    with broker_process(directory / "data", **settings):
        admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{plain}"})
        for mechanism in MECHANISMS.values():
            info = ScramCredentialInfo(mechanism, 4096)
            wish = UserScramCredentialUpsertion(USER, info, PASSWORD.encode())
            for future in admin.alter_user_scram_credentials([wish]).values():
                future.result(SECONDS)
        yield {
            "bootstrap_servers": f"127.0.0.1:{port}",
            "security_protocol": "SASL_SSL",
            "sasl_username": USER,
            "sasl_password": PASSWORD,
            "ssl_ca_location": str(authority.certificate),
        }


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_both_clients_come_in_over_tls_with_scram(
    protected: dict[str, Any], mechanism: str
) -> None:
    config = KafkaConfig(**protected, sasl_mechanism=mechanism)
    line = Line(config)

    cluster, _ = Bulk(line).metadata(SECONDS)
    disks = Inventory(line).disks(SECONDS)
    line.close()

    assert f"127.0.0.1:{cluster.brokers[0].port}" == config.bootstrap_servers
    assert len(disks.log_dirs) == 1
    assert Admin(config).metadata(SECONDS) == cluster


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("wrong", [{"sasl_password": "guessed"}, {"ssl_ca_location": ""}])
def test_a_wrong_password_or_an_unknown_authority_is_refused_and_told(
    protected: dict[str, Any], wrong: dict[str, str]
) -> None:
    line = Line(KafkaConfig(**(protected | wrong), sasl_mechanism="SCRAM-SHA-512"))

    with pytest.raises(ClusterUnavailable):
        Bulk(line).metadata(2.0)
    line.close()
    gc.collect()  # kafka-python leaves the sockets of refused handshakes to it, with a warning
