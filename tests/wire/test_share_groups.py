"""Share groups with Apache Kafka's own share consumer (KIP-932)."""

import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Producer

from tests.support import tools
from tests.support.java_tools import QUICK_START, SILENT, JavaTools

pytestmark = [pytest.mark.wire, pytest.mark.may_block, pytest.mark.timeout(240)]

DEADLINE_S = 100.0


@contextmanager
def share_consumer(bootstrap: str, topic: str, group: str) -> Iterator[subprocess.Popen[str]]:
    """Kafka's console share consumer; what it was given goes to its standard output."""
    process = subprocess.Popen(
        [
            *tools.java_kafka(*QUICK_START, SILENT),
            "org.apache.kafka.tools.consumer.ConsoleShareConsumer",
            *("--bootstrap-server", bootstrap, "--topic", topic, "--group", group),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def earliest(java: JavaTools, group: str) -> None:
    java.succeeds(
        "ConfigCommand",
        f"--entity-type groups --entity-name {group} --alter"
        " --add-config share.auto.offset.reset=earliest",
    )


def produce(bootstrap: str, topic: str, count: int) -> list[str]:
    producer = Producer({"bootstrap.servers": bootstrap})
    run = uuid.uuid4().hex[:6]
    values = [f"{run}-{number}" for number in range(count)]
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(DEADLINE_S) == 0
    return values


def test_two_share_consumers_read_every_record_once(bootstrap: str, java: JavaTools) -> None:
    java.succeeds("TopicCommand", "--create --topic jobs --partitions 2")
    earliest(java, "workers")
    values = produce(bootstrap, "jobs", 200)
    given: list[str] = []
    all_came = threading.Event()

    def read(process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            given.append(line.strip())
            if len(given) >= len(values):
                all_came.set()

    with (
        share_consumer(bootstrap, "jobs", "workers") as a,
        share_consumer(bootstrap, "jobs", "workers") as b,
    ):
        readers = [threading.Thread(target=read, args=(one,)) for one in (a, b)]
        for reader in readers:
            reader.start()
        assert all_came.wait(DEADLINE_S), f"{len(given)} of {len(values)}"
        for one in (a, b):
            one.terminate()  # they acknowledge what they have, and tell all of it
        for reader in readers:
            reader.join(DEADLINE_S)

    assert sorted(given) == sorted(values)


def test_released_records_come_again_and_rejected_ones_do_not(
    bootstrap: str, java: JavaTools
) -> None:
    java.succeeds("TopicCommand", "--create --topic again --partitions 1")
    earliest(java, "choosers")
    values = produce(bootstrap, "again", 5)

    def read(count: int, choice: str = "") -> list[str]:
        options = f"--topic again --group choosers --max-messages {count} {choice}"
        return java.succeeds("ConsoleShareConsumer", options)

    first = read(5, "--release")
    second = read(5, "--reject")
    later = produce(bootstrap, "again", 1)
    third = read(1)

    assert first == values
    assert second == values
    assert third == later


def test_kafkas_tool_lists_describes_and_deletes_share_groups(
    bootstrap: str, java: JavaTools
) -> None:
    java.succeeds("ConsoleProducer", "--topic told", stdin="a\nb\nc\n")
    earliest(java, "tellers")
    taken = java.succeeds("ConsoleShareConsumer", "--topic told --group tellers --max-messages 3")

    listed = java.succeeds("ShareGroupCommand", "--list")
    before = java.succeeds("ShareGroupCommand", "--describe --group tellers")
    java.succeeds("ShareGroupCommand", "--delete-offsets --group tellers --topic told")
    after = java.succeeds("ShareGroupCommand", "--describe --group tellers")
    java.succeeds("ShareGroupCommand", "--delete --group tellers")
    left = java.succeeds("ShareGroupCommand", "--list")

    assert sorted(taken) == ["a", "b", "c"]
    assert "tellers" in listed
    assert any(line.startswith("tellers told 0 3") for line in before), before
    assert not any(line.startswith("tellers told") for line in after), after
    assert "tellers" not in left
