"""A real application of Kafka Streams 4.2 with `group.protocol=streams` (KIP-1071).

It counts words, through a repartition topic and a store with a changelog, exactly once. Two
instances share the tasks; one is killed, the other goes on with its counts.
"""

import os
import re
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.support import tools
from tests.support.java_tools import QUICK_START, SILENT, call, java_tools
from tests.support.running_broker import broker_process
from tests.wire.conftest import INSTEAD

pytestmark = [pytest.mark.wire, pytest.mark.may_block, pytest.mark.timeout(240)]

SOURCE = Path(__file__).parent / "streams" / "WordCount.java"
DEADLINE_S = 100.0
QUICK = {
    "group_streams_initial_rebalance_delay_ms": 500,
    "group_streams_heartbeat_interval_ms": 200,
    "group_streams_min_heartbeat_interval_ms": 100,
    "group_streams_session_timeout_ms": 2000,
    "group_streams_min_session_timeout_ms": 1000,
}
ALL_TASKS = {"0_0", "0_1", "1_0", "1_1"}


@pytest.fixture
def bootstrap(tmp_path: Path) -> Iterator[str]:
    """A broker whose streams groups are in a hurry."""
    given = os.environ.get(INSTEAD)
    if given:
        yield given
        return
    with broker_process(tmp_path / "data", transaction_state_log_num_partitions=4, **QUICK) as made:
        yield made.bootstrap


class Application:
    """One instance; `tasks` is what it runs now, as it says on its standard output."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.tasks: set[str] = set()
        self._process = process
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("TASKS "):
                self.tasks = set(re.findall(r"\d+_\d+", line))

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()


@contextmanager
def application(bootstrap: str, name: str, classes: Path, state: Path) -> Iterator[Application]:
    java, *options, _, libraries = tools.java_kafka(*QUICK_START, SILENT)
    command = [java, *options, "-cp", f"{libraries}:{classes}", "WordCount"]
    arguments = [bootstrap, name, str(state), "exactly_once_v2"]
    process = subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    made = Application(process)
    try:
        yield made
    finally:
        made.kill()


def compiled(directory: Path) -> Path:
    """The application's classes."""
    *_, libraries = tools.java_kafka()
    javac = tools.javac()
    if not list(tools.kafka_libs().glob("kafka-streams-*.jar")):
        pytest.skip("no jar of Kafka Streams beside the others of Apache Kafka (run .ci/run)")
    subprocess.run(
        [javac, "-proc:none", "-cp", libraries, "-d", str(directory), str(SOURCE)], check=True
    )
    return directory


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def produce(bootstrap: str, topic: str, lines: list[str]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for number, line in enumerate(lines):
        producer.produce(topic, line, partition=number % 2)
    assert producer.flush(DEADLINE_S) == 0


def expect_counts(consumer: Consumer, expected: Counter[str], counts: dict[str, int]) -> None:
    """Read committed counts until they are all there; none may ever be too high, or fall."""
    deadline = time.monotonic() + DEADLINE_S
    while counts != expected:
        assert time.monotonic() < deadline, (counts, expected)
        message = consumer.poll(0.5)
        if message is None:
            continue
        key, value = message.key(), message.value()
        assert key is not None and value is not None
        word, count = key.decode(), int.from_bytes(value, "big")
        assert count == counts.get(word, 0) + 1 <= expected[word], (word, count, counts)
        counts[word] = count


def test_an_application_counts_exactly_once_though_an_instance_is_killed(
    bootstrap: str, tmp_path: Path
) -> None:
    name = f"words-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    made = admin.create_topics([NewTopic("lines", 2), NewTopic("counts", 1)])
    for future in made.values():
        future.result()
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": name + "-reader",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe(["counts"])
    counts: dict[str, int] = {}
    before, after = ["a b a", "c a b"] * 5, ["a d", "b b"] * 5
    classes = compiled(tmp_path / "classes")
    try:
        produce(bootstrap, "lines", before)
        with (
            application(bootstrap, name, classes, tmp_path / "one") as one,
            application(bootstrap, name, classes, tmp_path / "two") as two,
        ):
            until(lambda: bool(one.tasks and two.tasks), "both instances have tasks")
            until(lambda: one.tasks | two.tasks == ALL_TASKS, "all tasks run")
            expect_counts(consumer, Counter(" ".join(before).split()), counts)
            one.kill()
            produce(bootstrap, "lines", after)
            until(lambda: two.tasks == ALL_TASKS, "the other one has all tasks")
            expect_counts(consumer, Counter(" ".join(before + after).split()), counts)
            listed, members = java_tools(bootstrap).run_all(
                call("StreamsGroupCommand", "--list --state"),
                call("StreamsGroupCommand", f"--describe --members --verbose --group {name}"),
            )
    finally:
        consumer.close()
    assert f"{name} Stable" in listed.lines
    assert "ACTIVE: 0:[0,1]; 1:[0,1];" in members.out
