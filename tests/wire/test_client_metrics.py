"""Metrics that real clients push of themselves (KIP-714), subscribed with Kafka's own tool."""

import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from tests.support.java_tools import call, java_tools
from tests.support.ports import free_port
from tests.support.running_broker import broker_process

pytestmark = [pytest.mark.wire, pytest.mark.may_block, pytest.mark.timeout(240)]

DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class Watched:
    """A broker and its metrics page."""

    bootstrap: str
    url: str

    def clients(self) -> dict[str, set[str]]:
        """What clients pushed: client id -> names of metrics."""
        with urllib.request.urlopen(self.url) as response:
            lines = response.read().decode().splitlines()
        found: dict[str, set[str]] = {}
        for line in lines:
            if line.startswith("footfall_client_metric{"):
                client_id = line.split('client_id="')[1].split('"')[0]
                found.setdefault(client_id, set()).add(line.split('metric="')[1].split('"')[0])
        return found


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Watched]:
    port = free_port()
    with broker_process(tmp_path / "data", metrics_port=port) as made:
        yield Watched(made.bootstrap, f"http://127.0.0.1:{port}/metrics")


def test_clients_push_what_the_tool_subscribed_to(broker: Watched) -> None:
    java = java_tools(broker.bootstrap)
    java.succeeds(
        "ClientMetricsCommand",
        "--alter --name all --metrics org.apache.kafka. --interval 100 --match client_id=shop-.*",
    )
    common = {"bootstrap.servers": broker.bootstrap}
    producer = Producer({**common, "client.id": "shop-producer", "log_level": 0})
    consumer = Consumer({**common, "client.id": "shop-consumer", "group.id": "g", "log_level": 0})
    other = Producer({**common, "client.id": "other", "log_level": 0})
    with closing(consumer):
        consumer.subscribe(["pages"])
        deadline = time.monotonic() + DEADLINE_S
        while broker.clients().keys() != {"shop-producer", "shop-consumer"}:
            assert time.monotonic() < deadline, broker.clients()
            for one in (producer, other):
                one.produce("pages", b"x")
                one.poll(0.05)
            consumer.poll(0.05)
        producer.flush()
        other.flush()
        listed, read = java.run_all(
            call("ClientMetricsCommand", "--list"),
            call(
                "ConsoleConsumer",
                "--topic pages --timeout-ms 2000 --command-property client.id=shop-java",
            ),
        )
    pushed = broker.clients()

    assert listed.lines == ["all"]
    assert read.code == 0
    assert "org.apache.kafka.producer.connection.creation.total" in pushed["shop-producer"]
    assert "org.apache.kafka.consumer.connection.creation.total" in pushed["shop-java"]
    assert "other" not in pushed
