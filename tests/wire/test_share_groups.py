"""Share groups with Apache Kafka's own share consumer (KIP-932)."""

import subprocess
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
def share_consumer(
    bootstrap: str, topic: str, group: str, *more: str
) -> Iterator[subprocess.Popen[str]]:
    """Kafka's console share consumer; what it was given goes to its standard output."""
    process = subprocess.Popen(
        [
            *tools.java_kafka(*QUICK_START, SILENT),
            "org.apache.kafka.tools.consumer.ConsoleShareConsumer",
            *("--bootstrap-server", bootstrap, "--topic", topic, "--group", group),
            *more,
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


def read(process: subprocess.Popen[str]) -> list[str]:
    """Everything it prints until it ends by itself."""
    out, _ = process.communicate(timeout=DEADLINE_S)
    return out.split()


def test_two_share_consumers_read_every_record_once(bootstrap: str, java: JavaTools) -> None:
    java.succeeds("TopicCommand", "--create --topic jobs --partitions 2")
    earliest(java, "workers")
    values = produce(bootstrap, "jobs", 200)

    quiet = ("--timeout-ms", "8000")
    with (
        share_consumer(bootstrap, "jobs", "workers", *quiet) as a,
        share_consumer(bootstrap, "jobs", "workers", *quiet) as b,
    ):
        given = read(a) + read(b)

    assert sorted(given) == sorted(values)


def test_released_records_come_again_and_rejected_ones_do_not(
    bootstrap: str, java: JavaTools
) -> None:
    java.succeeds("TopicCommand", "--create --topic again --partitions 1")
    earliest(java, "choosers")
    values = produce(bootstrap, "again", 5)

    enough = ("--max-messages", "5", "--timeout-ms", "20000")
    with share_consumer(bootstrap, "again", "choosers", "--release", *enough) as releasing:
        first = read(releasing)
    with share_consumer(bootstrap, "again", "choosers", "--reject", *enough) as rejecting:
        second = read(rejecting)
    with share_consumer(bootstrap, "again", "choosers", "--timeout-ms", "6000") as late:
        third = read(late)

    assert first == values
    assert second == values
    assert third == []


def test_kafkas_tool_lists_describes_and_deletes_share_groups(
    bootstrap: str, java: JavaTools
) -> None:
    java.succeeds("TopicCommand", "--create --topic told --partitions 1")
    earliest(java, "tellers")
    values = produce(bootstrap, "told", 3)
    with share_consumer(bootstrap, "told", "tellers", "--timeout-ms", "6000") as consumer:
        assert read(consumer) == values

    listed = java.succeeds("ShareGroupCommand", "--list")
    before = java.succeeds("ShareGroupCommand", "--describe --group tellers")
    java.succeeds("ShareGroupCommand", "--delete-offsets --group tellers --topic told")
    after = java.succeeds("ShareGroupCommand", "--describe --group tellers")
    java.succeeds("ShareGroupCommand", "--delete --group tellers")
    left = java.succeeds("ShareGroupCommand", "--list")

    assert "tellers" in listed
    assert any(line.startswith("tellers told 0 3") for line in before), before
    assert not any(line.startswith("tellers told") for line in after), after
    assert "tellers" not in left
