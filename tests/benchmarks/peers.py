"""The two brokers that are measured side by side, each as a process of its own on loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.support.tools import ROOT, java_kafka

START_SECONDS_MAX = 60.0
# Apache Kafka's own start script, bin/kafka-server-start.sh, gives it this heap and collector.
JVM_OPTIONS = ("-Xms1G", "-Xmx1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")


@dataclass(frozen=True, slots=True)
class Peer:
    """A running broker."""

    name: str
    bootstrap: str
    pid: int
    start_seconds: float
    """From the start of the process to the first answer to a Metadata request."""

    def resident_mb(self) -> float:
        """Resident memory now, in MB (10^6 bytes)."""
        resident: int = psutil.Process(self.pid).memory_info().rss
        return resident / 1e6

    def processor_seconds(self) -> float:
        """Processor time that the broker has used: a busy machine falsifies it least."""
        times = psutil.Process(self.pid).cpu_times()
        spent: float = times.user + times.system
        return spent

    def topics(self) -> frozenset[str]:
        """Names of what is there."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        return frozenset(admin.list_topics(timeout=30).topics)

    def create_topic(self, topic: str, partitions: int) -> None:
        """A topic that is there when this returns."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        for future in admin.create_topics([NewTopic(topic, partitions, 1)]).values():
            future.result(timeout=30)


def free_port() -> int:
    """A port of loopback that nobody listens on right now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def footfall_broker(directory: Path, flush: str) -> Iterator[Peer]:
    """Our broker; `flush` is "sync" (acks=all is on disk) or "os" (Apache Kafka's default)."""
    port = free_port()
    environment = os.environ | {
        "FOOTFALL_BROKER__PORT": str(port),
        "FOOTFALL_BROKER__METRICS_PORT": str(free_port()),
        "FOOTFALL_BROKER__LOG_FLUSH": flush,
        "FOOTFALL_BROKER__GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }
    command = [sys.executable, "-m", "broker", "--data-dir", str(directory)]
    with _running(f"Footfall, {flush}", command, port, (directory, environment)) as peer:
        yield peer


@contextmanager
def apache_kafka(directory: Path, flush_each: bool) -> Iterator[Peer]:
    """Apache Kafka with its default settings; `flush_each`: an fsync after every message."""
    port, controller = free_port(), free_port()
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(directory / "kafka"),
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
    }
    if flush_each:
        properties["log.flush.interval.messages"] = "1"
    settings = directory / "server.properties"
    settings.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
    tool = [*java_kafka(), "kafka.tools.StorageTool"]
    made = subprocess.run([*tool, "random-uuid"], capture_output=True, text=True, check=True)
    cluster_id = made.stdout.strip().splitlines()[-1]
    formatted = [*tool, "format", "-t", cluster_id, "-c", str(settings)]
    subprocess.run(formatted, capture_output=True, check=True)
    command = [*java_kafka(*JVM_OPTIONS), "kafka.Kafka", str(settings)]
    name = "Apache Kafka, flush per message" if flush_each else "Apache Kafka"
    with _running(name, command, port, (directory, dict(os.environ))) as peer:
        yield peer


@contextmanager
def _running(
    name: str, command: list[str], port: int, place: tuple[Path, dict[str, str]]
) -> Iterator[Peer]:
    directory, environment = place
    started = time.monotonic()
    with (directory / "output.log").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        bootstrap = f"127.0.0.1:{port}"
        _wait_for_metadata(process, bootstrap, started + START_SECONDS_MAX)
        yield Peer(name, bootstrap, process.pid, time.monotonic() - started)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_metadata(process: subprocess.Popen[bytes], bootstrap: str, deadline: float) -> None:
    host, port = bootstrap.split(":")
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"broker ended with exit code {process.returncode} while starting")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.01)
            continue
        AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=30)
        return
    raise RuntimeError(f"no broker at {bootstrap} after {START_SECONDS_MAX} s")
