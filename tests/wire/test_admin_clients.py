"""The admin clients of confluent-kafka, kafka-python and aiokafka, with their default settings.

With FOOTFALL_TEST_BOOTSTRAP naming an Apache Kafka without an authorizer the same tests pass on it.
"""

import secrets
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin import NewPartitions as AioNewPartitions
from aiokafka.admin import NewTopic as AioNewTopic
from aiokafka.admin.config_resource import ConfigResource as AioConfigResource
from aiokafka.admin.config_resource import ConfigResourceType as AioConfigResourceType
from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    ConsumerGroupType,
    ElectionType,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewPartitions, NewTopic

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it reads its schemas in an old way
    from kafka import KafkaAdminClient
    from kafka import TopicPartition as PythonTopicPartition
    from kafka.structs import OffsetAndMetadata

pytestmark = [pytest.mark.wire, pytest.mark.may_block]

DEADLINE_S = 60.0
PARTITIONS = 2


@pytest.fixture
def topic(bootstrap: str) -> str:
    """A topic with three records in partition 0, named as nothing else."""
    name = f"admin-{secrets.token_hex(4)}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(name, PARTITIONS)])[name].result(DEADLINE_S)
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(3):
        producer.produce(name, str(number), partition=0, timestamp=1_000 + number)
    assert producer.flush(DEADLINE_S) == 0
    return name


@pytest.fixture
def confluent(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap})


@pytest.fixture
def python(bootstrap: str) -> Iterator[Any]:
    client = KafkaAdminClient(bootstrap_servers=bootstrap)
    yield client
    client.close()


@pytest.fixture
async def aio(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    yield client
    await client.close()


def refusal(future: Any) -> str:
    """Kafka's name of the error that a call ended with."""
    with pytest.raises(KafkaException) as raised:
        future.result(DEADLINE_S)
    name: str = raised.value.args[0].name()
    return name


def test_confluent_makes_widens_and_deletes_topics(confluent: AdminClient, topic: str) -> None:
    again = confluent.create_topics([NewTopic(topic, 1)])[topic]
    dry = confluent.create_topics([NewTopic(f"{topic}-dry", 1)], validate_only=True)
    dry[f"{topic}-dry"].result(DEADLINE_S)
    confluent.create_partitions([NewPartitions(topic, 3)])[topic].result(DEADLINE_S)
    fewer = confluent.create_partitions([NewPartitions(topic, 1)])[topic]
    described = confluent.describe_topics(
        TopicCollection([topic]), include_authorized_operations=True
    )[topic].result(DEADLINE_S)
    confluent.delete_topics([topic])[topic].result(DEADLINE_S)
    gone = confluent.describe_topics(TopicCollection([topic]))[topic]

    assert refusal(again) == "TOPIC_ALREADY_EXISTS"
    assert refusal(fewer) == "INVALID_PARTITIONS"
    assert [partition.id for partition in described.partitions] == [0, 1, 2]
    assert {partition.leader.id for partition in described.partitions} == {1}
    assert not described.is_internal
    assert {operation.name for operation in described.authorized_operations} == {
        "READ",
        "WRITE",
        "CREATE",
        "DELETE",
        "ALTER",
        "DESCRIBE",
        "DESCRIBE_CONFIGS",
        "ALTER_CONFIGS",
    }
    assert refusal(gone) == "UNKNOWN_TOPIC_OR_PART"
    assert f"{topic}-dry" not in confluent.list_topics(timeout=DEADLINE_S).topics


def test_confluent_changes_settings(confluent: AdminClient, topic: str) -> None:
    def settings() -> dict[str, ConfigEntry]:
        resource = ConfigResource(ResourceType.TOPIC, topic)
        future = confluent.describe_configs([resource])[resource]
        found: dict[str, ConfigEntry] = future.result(DEADLINE_S)
        return found

    def change(name: str, value: str, operation: AlterConfigOpType) -> Any:
        entry = ConfigEntry(name, value, incremental_operation=operation)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        return confluent.incremental_alter_configs([resource])[resource]

    change("retention.ms", "9000", AlterConfigOpType.SET).result(DEADLINE_S)
    change("cleanup.policy", "compact", AlterConfigOpType.APPEND).result(DEADLINE_S)
    bad = change("retention.ms", "soon", AlterConfigOpType.SET)
    changed = settings()
    change("retention.ms", "", AlterConfigOpType.DELETE).result(DEADLINE_S)

    assert changed["retention.ms"].value == "9000"
    assert not changed["retention.ms"].is_default
    assert changed["cleanup.policy"].value == "delete,compact"
    assert refusal(bad) == "INVALID_CONFIG"
    assert settings()["retention.ms"].value == "604800000"


def test_confluent_finds_and_deletes_records(confluent: AdminClient, topic: str) -> None:
    where = TopicPartition(topic, 0)

    def offset(spec: Any) -> int:
        found: int = confluent.list_offsets({where: spec})[where].result(DEADLINE_S).offset
        return found

    specs: Any = OffsetSpec  # half of its methods are typed
    found = [
        offset(specs.earliest()),
        offset(specs.latest()),
        offset(specs.max_timestamp()),
        offset(specs.for_timestamp(1_001)),
        offset(specs.for_timestamp(5_000)),
    ]
    upto = TopicPartition(topic, 0, 2)
    deleted = confluent.delete_records([upto])[upto].result(DEADLINE_S)
    beyond = TopicPartition(topic, 0, 99)

    assert found == [0, 3, 2, 1, -1]
    assert deleted.low_watermark == 2
    assert offset(specs.earliest()) == 2
    assert refusal(confluent.delete_records([beyond])[beyond]) == "OFFSET_OUT_OF_RANGE"


def test_confluent_moves_and_forgets_groups(confluent: AdminClient, topic: str) -> None:
    wanted = ConsumerGroupTopicPartitions(topic, [TopicPartition(topic, 0, 2)])
    confluent.alter_consumer_group_offsets([wanted])[topic].result(DEADLINE_S)
    asked = ConsumerGroupTopicPartitions(topic)
    committed = confluent.list_consumer_group_offsets([asked])[topic].result(DEADLINE_S)
    listed = confluent.list_consumer_groups().result(DEADLINE_S)
    described = confluent.describe_consumer_groups([topic])[topic].result(DEADLINE_S)
    confluent.delete_consumer_groups([topic])[topic].result(DEADLINE_S)

    assert [(one.partition, one.offset) for one in committed.topic_partitions] == [(0, 2)]
    (mine,) = [group for group in listed.valid if group.group_id == topic]
    assert (mine.type, mine.state.name) == (ConsumerGroupType.CLASSIC, "EMPTY")
    assert described.coordinator.id == 1 and described.members == []
    assert refusal(confluent.delete_consumer_groups([topic])[topic]) == "GROUP_ID_NOT_FOUND"


def test_confluent_describes_the_cluster_and_elects(confluent: AdminClient, topic: str) -> None:
    cluster = confluent.describe_cluster().result(DEADLINE_S)
    here, nowhere = TopicPartition(topic, 0), TopicPartition(topic, 9)
    elected = confluent.elect_leaders(ElectionType.PREFERRED, [here, nowhere]).result(DEADLINE_S)

    assert cluster.controller.id == 1 and [node.id for node in cluster.nodes] == [1]
    assert len(cluster.cluster_id) == 22
    codes = {one.partition: error and error.name() for one, error in elected.items()}
    assert codes == {0: "ELECTION_NOT_NEEDED", 9: "UNKNOWN_TOPIC_OR_PART"}


def test_kafka_python_sees_topics_disks_and_leaders(python: Any, topic: str) -> None:
    where = PythonTopicPartition(topic, 0)
    (described,) = python.describe_topics([topic])
    (disk, *_) = python.describe_log_dirs([where])
    elected = python.elect_leaders(0, {topic: [0]}, raise_errors=False)
    moving = python.list_partition_reassignments()
    producers = python.describe_producers([where])
    paged = python.describe_topic_partitions([topic])

    assert {one["partition_index"] for one in described["partitions"]} == {0, 1}
    assert disk is not None and elected is not None
    assert moving == {} and where in producers
    assert topic in str(paged)


def test_kafka_python_changes_groups(python: Any, topic: str) -> None:
    where = PythonTopicPartition(topic, 0)
    python.alter_group_offsets(topic, {where: OffsetAndMetadata(2, "noted", 0)})
    committed = python.list_group_offsets(topic)[topic][where]
    listed = [group for group in python.list_groups() if group["group_id"] == topic]
    described = python.describe_groups([topic])
    python.delete_group_offsets(topic, [where])
    left = python.list_group_offsets(topic).get(topic, {})

    assert (committed.offset, committed.metadata) == (2, "noted")
    assert len(listed) == 1 and topic in str(described)
    assert where not in left


def test_kafka_python_describes_the_cluster(python: Any) -> None:
    cluster = python.describe_cluster()
    quorum = python.describe_metadata_quorum()
    features = python.describe_features()

    assert cluster["controller_id"] == 1
    assert "leader_id" in str(quorum)
    assert {"transaction.version", "group.version"} <= set(features)
    assert python.list_transactions() is not None
    assert python.api_versions()


async def test_aiokafka_administers_topics(aio: AIOKafkaAdminClient, topic: str) -> None:
    made = f"{topic}-aio"
    await aio.create_topics([AioNewTopic(made, 1, 1, topic_configs={"retention.ms": "9000"})])
    await aio.create_partitions({made: AioNewPartitions(3)})
    (described,) = await aio.describe_topics([made])
    resource = AioConfigResource(AioConfigResourceType.TOPIC, made)
    (settings,) = await aio.describe_configs([resource])
    cluster = await aio.describe_cluster()
    listed = await aio.list_topics()
    await aio.delete_topics([made])

    assert sorted(one["partition"] for one in described["partitions"]) == [0, 1, 2]
    values = {entry[0]: entry[1] for entry in settings.resources[0][4]}
    assert values["retention.ms"] == "9000" and values["cleanup.policy"] == "delete"
    assert [broker["node_id"] for broker in cluster["brokers"]] == [1]
    assert made in listed and made not in await aio.list_topics()


async def test_aiokafka_sees_groups(
    aio: AIOKafkaAdminClient, confluent: AdminClient, topic: str
) -> None:
    wanted = ConsumerGroupTopicPartitions(topic, [TopicPartition(topic, 0, 2)])
    confluent.alter_consumer_group_offsets([wanted])[topic].result(DEADLINE_S)

    groups = await aio.list_consumer_groups()
    offsets = await aio.list_consumer_group_offsets(topic)
    coordinator = await aio.find_coordinator(topic)
    (described,) = await aio.describe_consumer_groups([topic])

    assert topic in [group[0] for group in groups]
    assert {where.partition: found.offset for where, found in offsets.items()} == {0: 2}
    assert coordinator == 1
    assert described.groups[0][2] == "Empty"
