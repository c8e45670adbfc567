"""Apache Kafka's console tools for groups, settings and the cluster, unchanged.

What is expected is what Apache Kafka 4.2.0 answers: with FOOTFALL_TEST_BOOTSTRAP naming one, the
same tests pass on it.
"""

import json
import re
import secrets
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.support import tools
from tests.support.java_tools import Call, JavaTools, call, java_tools, plain
from tests.support.ports import free_port
from tests.support.running_broker import broker_process

pytestmark = [pytest.mark.wire, pytest.mark.timeout(240)]

RECORDS = 4
OLD = 2
"""Of the records so many are of the first seconds of 1970, the others of now."""
DEADLINE_S = 60.0


@pytest.fixture
def topic(bootstrap: str) -> str:
    """A topic of one partition with RECORDS records, named as nothing else."""
    name = f"java-{secrets.token_hex(4)}"
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(RECORDS):
        producer.produce(name, str(number), timestamp=0 if number >= OLD else 1_000 + number)
    assert producer.flush(DEADLINE_S) == 0
    return name


def resets(line: list[str]) -> str:
    """The offset in the row that --reset-offsets prints under its head."""
    return line[1].split()[-1]


def test_offsets_of_a_group_are_reset_in_every_form(
    java: JavaTools, topic: str, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.csv"
    plan.write_text(f"{topic},0,3\n")
    forms = {
        "--to-latest": "4",
        "--to-earliest": "0",
        "--to-offset 2": "2",
        "--to-offset 99": "4",
        "--by-duration PT1H": "2",
        "--to-datetime 1970-01-01T00:00:01.001": "1",
    }
    reset = f"--reset-offsets --group {topic} --topic {topic}"

    dry = java.run_all(*(call("ConsumerGroupCommand", f"{reset} {form}") for form in forms))
    java.succeeds("ConsumerGroupCommand", f"{reset} --to-offset 1 --execute")
    moved = java.succeeds("ConsumerGroupCommand", f"{reset} --shift-by 1 --execute")
    current, exported = java.run_all(
        call("ConsumerGroupCommand", f"{reset} --to-current --dry-run"),
        call("ConsumerGroupCommand", f"{reset} --to-current --export --dry-run"),
    )
    java.succeeds(
        "ConsumerGroupCommand", f"--reset-offsets --group {topic} --from-file {plan} --execute"
    )
    described = java.succeeds("ConsumerGroupCommand", f"--describe --group {topic}")

    assert [resets(answer.lines) for answer in dry] == list(forms.values())
    assert resets(moved) == "2" and resets(current.lines) == "2"
    assert f'"{topic}",0,2' in exported.out or f"{topic},0,2" in exported.out
    assert described[1] == f"{topic} {topic} 0 3 {RECORDS} 1 - - -"


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_group_is_described_and_deleted(java: JavaTools, topic: str, protocol: str) -> None:
    java.succeeds(
        "ConsoleConsumer",
        f"--topic {topic} --group {topic} --from-beginning --max-messages {RECORDS}"
        f" --consumer-property group.protocol={protocol}",
    )

    group = f"--group {topic}"
    offsets, state, members, listed = java.run_all(
        call("ConsumerGroupCommand", f"--describe {group}"),
        call("ConsumerGroupCommand", f"--describe {group} --state"),
        call("ConsumerGroupCommand", f"--describe {group} --members --verbose"),
        call("GroupsCommand", "--list"),
    )
    taken_away = java.succeeds("ConsumerGroupCommand", f"--delete-offsets {group} --topic {topic}")
    deleted = java.run("ConsumerGroupCommand", f"--delete {group}")
    unknown = java.run("ConsumerGroupCommand", f"--describe {group}")

    assert offsets.lines[1] == f"{topic} {topic} 0 {RECORDS} {RECORDS} 0 - - -"
    assert f"Consumer group '{topic}' has no active members." in members.errors
    assert state.lines[1].endswith(" Empty 0")
    kind = "Classic" if protocol == "classic" else "Consumer"
    assert f"{topic} {kind} consumer" in listed.lines
    assert taken_away[-1] == f"{topic} 0 Successful"
    assert f"Deletion of requested consumer groups ('{topic}') was successful." in deleted.out
    assert f"Group {topic} not found." in unknown.out + unknown.errors


def test_settings_of_a_topic_are_changed_listed_and_taken_back(java: JavaTools, topic: str) -> None:
    of_topic = f"--entity-type topics --entity-name {topic}"
    java.succeeds(
        "ConfigCommand",
        f"--alter {of_topic} --add-config retention.ms=7000,cleanup.policy=[compact,delete]",
    )
    own, every, bad = java.run_all(
        call("ConfigCommand", f"--describe {of_topic}"),
        call("ConfigCommand", f"--describe --all {of_topic}"),
        call("ConfigCommand", f"--alter {of_topic} --add-config retention.ms=soon"),
    )
    java.succeeds("ConfigCommand", f"--alter {of_topic} --delete-config retention.ms")
    left = java.succeeds("ConfigCommand", f"--describe {of_topic}")

    assert any(
        line.startswith("retention.ms=7000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:")
        for line in own.lines
    )
    assert any(line.startswith("cleanup.policy=compact,delete ") for line in own.lines)
    names = {line.split("=")[0] for line in every.lines[1:]}
    assert len(names) == 33 and "segment.bytes" in names
    assert (
        "InvalidConfigurationException: Invalid value soon for configuration retention.ms:"
        " Not a number of type LONG" in bad.errors
    )
    assert not any(line.startswith("retention.ms=") for line in left)


def test_settings_of_brokers_are_changed_for_one_and_for_all(java: JavaTools) -> None:
    one = "--entity-type brokers --entity-name 1"
    java.succeeds("ConfigCommand", f"--alter {one} --add-config message.max.bytes=2000000")
    changed, static = java.run_all(
        call("ConfigCommand", f"--describe {one}"),
        call("ConfigCommand", f"--alter {one} --add-config node.id=2"),
    )
    java.succeeds("ConfigCommand", f"--alter {one} --delete-config message.max.bytes")

    assert any(
        line.startswith("message.max.bytes=2000000 ") and "DYNAMIC_BROKER_CONFIG:" in line
        for line in changed.lines
    )
    assert "Cannot update these configs dynamically" in static.errors


def test_the_cluster_describes_itself(java: JavaTools, bootstrap: str, topic: str) -> None:
    identity, endpoints, quorum, replicas, features, disks, versions = java.run_all(
        plain("ClusterTool", "cluster-id --bootstrap-server {bootstrap}"),
        plain("ClusterTool", "list-endpoints --bootstrap-server {bootstrap}"),
        call("MetadataQuorumCommand", "describe --status"),
        call("MetadataQuorumCommand", "describe --replication"),
        call("FeatureCommand", "describe"),
        call("LogDirsCommand", f"--describe --topic-list {topic}"),
        call("BrokerApiVersionsCommand"),
    )

    host, port = bootstrap.split(":")
    assert re.fullmatch(r"Cluster ID: [\w-]{22}", identity.lines[0])
    assert endpoints.lines[1] == f"1 {host} {port} null unfenced broker"
    assert "LeaderId: 1" in quorum.lines and "MaxFollowerLag: 0" in quorum.lines
    assert replicas.lines[1].split()[0] == "1" and replicas.lines[1].endswith("Leader")
    finalized = {line.split()[1]: line.split()[7] for line in features.lines}
    assert finalized["transaction.version"] == "2" and finalized["group.version"] == "1"
    (broker,) = json.loads(disks.lines[-1])["brokers"]
    (partition,) = broker["logDirs"][0]["partitions"]
    assert partition["partition"] == f"{topic}-0" and partition["size"] > 0
    assert "Produce(0): 0 to 13 [usable: 13]," in versions.lines


def test_leaders_and_replicas_are_where_they_should_be(
    java: JavaTools, topic: str, tmp_path: Path
) -> None:
    place = {"topic": topic, "partition": 0, "replicas": [1]}
    here, elsewhere, moved = (tmp_path / name for name in ("here", "elsewhere", "moved"))
    here.write_text(json.dumps({"version": 1, "partitions": [place]}))
    elsewhere.write_text(json.dumps({"version": 1, "partitions": [{**place, "replicas": [2]}]}))
    moved.write_text(json.dumps({"version": 1, "topics": [{"topic": topic}]}))

    election, nobody, listed, generated, verified, refused = java.run_all(
        call("LeaderElectionCommand", f"--election-type preferred --topic {topic} --partition 0"),
        call("LeaderElectionCommand", f"--election-type preferred --topic {topic} --partition 7"),
        call("ReassignPartitionsCommand", "--list"),
        call(
            "ReassignPartitionsCommand",
            f"--generate --topics-to-move-json-file {moved} --broker-list 1",
        ),
        call("ReassignPartitionsCommand", f"--verify --reassignment-json-file {here}"),
        call("ReassignPartitionsCommand", f"--execute --reassignment-json-file {elsewhere}"),
    )

    assert election.lines == [f"Valid replica already elected for partitions {topic}-0"]
    assert f"No such partition as {topic}-7" in nobody.out
    assert listed.lines == ["No partition reassignments found."]
    assert json.loads(generated.lines[-1])["partitions"][0]["replicas"] == [1]
    assert f"Reassignment of partition {topic}-0 is completed." in verified.lines
    assert refused.code == 1 and "Unknown broker" in refused.out


def test_transactions_are_listed_described_and_a_hanging_one_is_aborted(
    java: JavaTools, bootstrap: str, topic: str
) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": topic})
    producer.init_transactions(DEADLINE_S)
    producer.begin_transaction()
    producer.produce(topic, "open")
    assert producer.flush(DEADLINE_S) == 0

    where = f"--topic {topic} --partition 0"
    listed, described, producers, hanging = java.run_all(
        call("TransactionsCommand", "list"),
        call("TransactionsCommand", f"describe --transactional-id {topic}"),
        call("TransactionsCommand", f"describe-producers {where}"),
        call("TransactionsCommand", f"find-hanging --topic {topic}"),
    )
    aborted = java.run("TransactionsCommand", f"abort {where} --start-offset {RECORDS}")
    after = java.succeeds("TransactionsCommand", f"describe-producers {where}")

    (row,) = [line for line in listed.lines if line.startswith(topic)]
    assert row.endswith(" Ongoing")
    assert described.lines[1].split()[1] == topic and described.lines[1].endswith(f"{topic}-0")
    assert producers.lines[1].split()[5] == str(RECORDS)
    assert len(hanging.lines) == 1, "its coordinator knows this one"
    assert aborted.code == 0, aborted
    assert after[1].split()[5] == "None"
    producer.purge()


def test_what_streams_left_behind_is_reset(java: JavaTools, topic: str) -> None:
    changelog = f"{topic}-app-counts-changelog"
    java.succeeds("TopicCommand", f"--create --topic {changelog}")

    reset = java.succeeds(
        "StreamsResetter", f"--application-id {topic}-app --input-topics {topic} --to-latest"
    )
    group, left = java.run_all(
        call("ConsumerGroupCommand", f"--describe --group {topic}-app"),
        call("TopicCommand", f"--list --topic {changelog}"),
    )

    assert f"Topic: {topic} Partition: 0 Offset: {RECORDS}" in reset
    assert group.lines[1].startswith(f"{topic}-app {topic} 0 {RECORDS} {RECORDS} 0 ")
    assert left.lines == []


def test_the_log_on_disk_is_read_by_apache_kafkas_dump_tool(tmp_path: Path) -> None:
    tools.java_kafka()
    with broker_process(tmp_path / "data") as broker:
        producer = Producer({"bootstrap.servers": broker.bootstrap})
        for number in range(RECORDS):
            producer.produce("pages", f"value {number}", key="k", partition=0)
        assert producer.flush(DEADLINE_S) == 0
        java = java_tools(broker.bootstrap)
        java.succeeds(
            "ConsumerGroupCommand",
            "--reset-offsets --group readers --topic pages --to-earliest --execute",
        )
        broker.stop()
        logs = tmp_path / "data" / "broker"
        segment = "00000000000000000000"
        written = ",".join(
            str(file)
            for file in sorted((logs / "pages-0").iterdir())
            if file.name in (f"{segment}.log", f"{segment}.index", f"{segment}.timeindex")
        )
        offsets = [
            str(one)
            for one in logs.glob(f"__consumer_offsets-*/{segment}.log")
            if one.stat().st_size
        ]
        records, commits = java.run_all(
            plain("DumpLogSegments", f"--deep-iteration --print-data-log --files {written}"),
            plain("DumpLogSegments", f"--offsets-decoder --files {','.join(offsets)}"),
        )

    payloads = re.findall(r"payload: (value \d)", records.out)
    assert payloads == [f"value {number}" for number in range(RECORDS)]
    assert "isvalid: true" in records.out and "Mismatch" not in records.out
    assert '"group":"readers","topic":"pages","partition":0' in commits.out


def test_tools_ask_the_controller_listener(tmp_path: Path) -> None:
    port, quorum_port = free_port(), free_port()
    listeners = f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{quorum_port}"
    asked = {
        "MetadataQuorumCommand": "describe --status",
        "ConfigCommand": "--describe --entity-type brokers --entity-name 1 --all",
        "AclCommand": "--add --allow-principal User:ann --operation Read --topic visits",
        "FeatureCommand": "describe",
    }

    with broker_process(
        tmp_path / "data",
        listeners=listeners,
        controller_listener_names="CONTROLLER",
        authorizer_enabled=True,
        super_users="User:ANONYMOUS",
    ):
        java = java_tools(f"127.0.0.1:{quorum_port}")
        flag = "--bootstrap-controller"
        answers = {
            tool: java.answer(Call(tool, tuple(line.split()), bootstrap_flag=flag))
            for tool, line in asked.items()
        }
        cluster = java.answer(plain("ClusterTool", f"cluster-id {flag} {{bootstrap}}"))
        endpoints = java.answer(plain("ClusterTool", f"list-endpoints {flag} {{bootstrap}}"))
        refused = java_tools(f"127.0.0.1:{port}").answer(
            Call("MetadataQuorumCommand", ("describe", "--status"), bootstrap_flag=flag)
        )

    assert {tool: one.code for tool, one in answers.items()} == dict.fromkeys(asked, 0), answers
    assert f"CONTROLLER://127.0.0.1:{quorum_port}" in answers["MetadataQuorumCommand"].out
    assert "User:ann" in answers["AclCommand"].out
    assert cluster.out.startswith("Cluster ID: ")
    assert endpoints.lines[-1] == f"1 127.0.0.1 {quorum_port} null controller"
    assert refused.code != 0
