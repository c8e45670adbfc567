"""Apache Kafka's console tools for topics and records, unchanged: they see an Apache Kafka.

What is expected is what Apache Kafka 4.2.0 answers: with FOOTFALL_TEST_BOOTSTRAP naming one, the
same tests pass on it.
"""

import json
import secrets
from pathlib import Path

import pytest

from tests.support.java_tools import Call, JavaTools, call, plain

pytestmark = [pytest.mark.wire, pytest.mark.timeout(240)]


@pytest.fixture
def topic() -> str:
    """A name that nothing else uses."""
    return f"java-{secrets.token_hex(4)}"


def produce(java: JavaTools, topic: str, *values: str) -> None:
    stdin = "".join(f"{value}\n" for value in values)
    java.succeeds("ConsoleProducer", f"--topic {topic}", stdin=stdin)


def consume(topic: str, count: int, more: str = "") -> Call:
    return call(
        "ConsoleConsumer",
        f"--topic {topic} --from-beginning --max-messages {count} --timeout-ms 20000 {more}",
    )


def test_topics_are_made_described_widened_listed_and_deleted(java: JavaTools, topic: str) -> None:
    made = java.succeeds(
        "TopicCommand", f"--create --topic {topic} --partitions 2 --config retention.ms=9000"
    )
    described, refused = java.run_all(
        call("TopicCommand", f"--describe --topic {topic}"),
        call("TopicCommand", f"--create --topic {topic}"),
    )
    java.succeeds("TopicCommand", f"--alter --topic {topic} --partitions 3")
    fewer, listed, offsets = java.run_all(
        call("TopicCommand", f"--alter --topic {topic} --partitions 2"),
        call("TopicCommand", f"--list --topic {topic}"),
        call("GetOffsetShell", f"--topic {topic}"),
    )
    java.succeeds("TopicCommand", f"--delete --topic {topic}")
    gone = java.run("TopicCommand", f"--describe --topic {topic}")

    head, *partitions = described.lines
    assert made == [f"Created topic {topic}."]
    assert f"Topic: {topic} " in head
    assert (
        "PartitionCount: 2 ReplicationFactor: 1 Configs: " in head and "retention.ms=9000" in head
    )
    assert partitions == [
        f"Topic: {topic} Partition: {index} Leader: 1 Replicas: 1 Isr: 1 Elr: LastKnownElr:"
        for index in range(2)
    ]
    assert f"Topic '{topic}' already exists." in refused.out and refused.code == 1
    assert "currently has 3 partition(s); 2 would not be an increase" in fewer.out
    assert listed.lines == [topic]
    assert offsets.lines == [f"{topic}:{index}:0" for index in range(3)]
    assert f"Topic '{topic}' does not exist as expected" in gone.out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("--replication-factor 3", "only 1 broker(s) are registered"),
        ("--replica-assignment 5,1", "includes broker 5, but no such broker is registered"),
        ("--topic bad!", "contains one or more characters other than ASCII alphanumerics"),
    ],
)
def test_a_topic_that_cannot_be_is_refused(
    java: JavaTools, topic: str, arguments: str, reason: str
) -> None:
    named = "" if "--topic" in arguments else f"--topic {topic}"

    answer = java.run("TopicCommand", f"--create {named} {arguments}")

    assert answer.code == 1
    assert reason in answer.out


def test_what_the_console_producer_writes_the_console_consumer_prints(
    java: JavaTools, topic: str
) -> None:
    properties = "--reader-property parse.key=true --reader-property parse.headers=true"
    java.succeeds(
        "ConsoleProducer",
        f"--topic {topic} {properties} --reader-property key.separator== --compression-codec zstd",
        stdin="a:1,b:2\tk1=v1\nc:3\tk2=v2\n",
    )
    shown = " ".join(
        f"--formatter-property print.{what}=true"
        for what in ("key", "headers", "offset", "partition", "timestamp")
    )

    classic, consumer, committed = java.run_all(
        consume(topic, 2, shown),
        consume(topic, 2, "--command-property group.protocol=consumer"),
        call(
            "ConsoleConsumer",
            f"--topic {topic} --partition 0 --offset 1 --max-messages 1 --timeout-ms 20000"
            " --isolation-level read_committed",
        ),
    )

    first, second = classic.lines
    assert first.startswith("CreateTime:")
    assert first.split(" ", 1)[1] == "Partition:0 Offset:0 a:1,b:2 k1 v1"
    assert second.split(" ", 1)[1] == "Partition:0 Offset:1 c:3 k2 v2"
    assert consumer.lines == ["v1", "v2"]
    assert committed.lines == ["v2"]
    assert "Processed a total of 2 messages" in classic.errors


def test_every_kind_of_offset_is_found(java: JavaTools, topic: str) -> None:
    produce(java, topic, "a", "b", "c")
    wanted = {
        "-1": "3",
        "earliest": "0",
        "max-timestamp": "*",
        "earliest-local": "0",
        "latest-tiered": "",
        "0": "0",
        "99999999999999": "",
    }

    answers = java.run_all(
        *(call("GetOffsetShell", f"--topic {topic} --time {time}") for time in wanted)
    )

    for (time, offset), answer in zip(wanted.items(), answers, strict=True):
        assert answer.code == 0, answer
        found = "".join(answer.lines).removeprefix(f"{topic}:0:")
        assert found in (("0", "1", "2") if offset == "*" else (offset,)), time


def test_records_before_an_offset_are_deleted(java: JavaTools, topic: str, tmp_path: Path) -> None:
    produce(java, topic, "a", "b", "c")
    where = {"topic": topic, "partition": 0}
    wanted, beyond = tmp_path / "wanted.json", tmp_path / "beyond.json"
    wanted.write_text(json.dumps({"version": 1, "partitions": [{**where, "offset": 2}]}))
    beyond.write_text(json.dumps({"version": 1, "partitions": [{**where, "offset": 99}]}))

    deleted = java.run("DeleteRecordsCommand", f"--offset-json-file {wanted}")
    refused, left = java.run_all(
        call("DeleteRecordsCommand", f"--offset-json-file {beyond}"), consume(topic, 1)
    )

    assert f"partition: {topic}-0 low_watermark: 2" in deleted.lines
    assert "OffsetOutOfRangeException" in refused.out
    assert left.lines == ["c"]


def test_the_performance_tools_run_to_their_end(java: JavaTools, topic: str) -> None:
    (produced,) = java.run_all(
        plain(
            "ProducerPerformance",
            f"--topic {topic} --num-records 1000 --throughput -1 --record-size 100"
            " --producer-props bootstrap.servers={bootstrap}",
        )
    )
    consumed, latency = java.run_all(
        call("ConsumerPerformance", f"--topic {topic} --messages 1000 --timeout 20000"),
        plain("EndToEndLatency", f"{{bootstrap}} {topic}-latency 20 all 100"),
    )

    assert produced.lines[-1].startswith("1000 records sent, ")
    assert consumed.code == 0
    assert consumed.lines[-1].split(", ")[4] == "1000"
    assert latency.code == 0, latency
    assert any(line.startswith("Percentiles: 50th = ") for line in latency.lines)


def events(lines: list[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines]


def test_the_verifiable_clients_agree(java: JavaTools, topic: str) -> None:
    sent = events(java.succeeds("VerifiableProducer", f"--topic {topic} --max-messages 7"))
    read = events(
        java.succeeds(
            "VerifiableConsumer",
            f"--topic {topic} --group-id {topic} --max-messages 7 --reset-policy earliest",
        )
    )

    offsets = [one["offset"] for one in sent if one["name"] == "producer_send_success"]
    assert offsets == list(range(7))
    commits = [one for one in read if one["name"] == "offsets_committed"]
    assert commits[-1]["success"] is True
    assert commits[-1]["offsets"] == [{"topic": topic, "partition": 0, "offset": 7}]


def test_the_compatibility_test_of_apache_kafka_passes(java: JavaTools, topic: str) -> None:
    java.succeeds("TopicCommand", f"--create --topic {topic}")
    expected = (
        "offsets-for-times-supported",
        "cluster-id-supported",
        "create-topics-supported",
        "describe-acls-supported",
        "describe-configs-supported",
        "idempotent-producer-supported",
    )

    answer = java.run(
        "ClientCompatibilityTest",
        f"--topic {topic} --expect-record-too-large-exception false --num-cluster-nodes 1 "
        + " ".join(f"--{one} true" for one in expected),
    )

    assert answer.code == 0, answer


def test_a_transactional_copier_copies_exactly_once(java: JavaTools, topic: str) -> None:
    produce(java, topic, *"abcdefghij")

    copied = java.answer(
        plain(
            "TransactionalMessageCopier",
            f"--consumer-group {topic} --input-topic {topic} --input-partition 0"
            f" --max-messages 10 --output-topic {topic}-out --transactional-id {topic}"
            " --transaction-size 3 --broker-list {bootstrap}",
        )
    )
    read, group = java.run_all(
        consume(f"{topic}-out", 10, "--isolation-level read_committed"),
        call("ConsumerGroupCommand", f"--describe --group {topic}"),
    )

    assert events(copied.lines)[-1]["totalProcessed"] == 10
    assert "".join(read.lines) == "abcdefghij"
    assert group.lines[1].startswith(f"{topic} {topic} 0 10 10 0 ")
