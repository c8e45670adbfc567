"""An Apache Kafka of one node on loopback, with a plain listener and one that asks for a log-in."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support import tools
from tests.support.ports import free_port

START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 60.0
USER, PASSWORD = "watcher", "watch-secret"
STRANGER = "stranger"  # logs in with the same password, and may do nothing
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dorg.apache.logging.log4j.level=OFF")


@dataclass(frozen=True, slots=True)
class RealKafka:
    """Where it listens."""

    plain: str
    sasl: str


@contextlib.contextmanager
def real_kafka(directory: Path) -> Iterator[RealKafka]:
    """A running one; skips the test where its jars are not there."""
    java = tools.java_kafka(*QUICK)
    plain, sasl, controller = free_port(), free_port(), free_port()
    directory.mkdir(parents=True)
    settings = directory / "server.properties"
    settings.write_text(_settings(plain, sasl, controller, directory / "data"))
    cluster_id = "Zm9vdGZhbGwtdGVzdC1pZA"
    done = subprocess.run(
        [*java, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(settings)],
        capture_output=True,
        text=True,
        timeout=START_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with (directory / "log").open("w") as log:
        process = subprocess.Popen([*java, "kafka.Kafka", str(settings)], stdout=log, stderr=log)
    try:
        _wait_until_open(process, plain)
        yield RealKafka(f"127.0.0.1:{plain}", f"127.0.0.1:{sasl}")
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_S)


def _wait_until_open(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "Apache Kafka ended while it started"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.1)
    raise AssertionError("Apache Kafka did not start in time")


def _settings(plain: int, sasl: int, controller: int, data: Path) -> str:
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    login = (
        f'{module} required username="{USER}" password="{PASSWORD}" user_{USER}="{PASSWORD}"'
        f' user_{STRANGER}="{PASSWORD}";'
    )
    listeners = f"PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{sasl}"
    values = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": (
            "PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"
        ),
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": login,
        "log.dirs": str(data),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:ANONYMOUS;User:{USER}",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "2",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "2",
        "group.initial.rebalance.delay.ms": "0",
        "auto.create.topics.enable": "true",
    }
    return "\n".join(f"{key}={value}" for key, value in values.items()) + "\n"
