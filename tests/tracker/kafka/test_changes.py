"""Changes made to a running broker, and what it refuses."""

import asyncio

import pytest

from tracker.config import KafkaConfig
from tracker.kafka.admin import EARLIEST, LATEST, Admin, ClusterUnavailable
from tracker.kafka.changes import Changes, NewRecord, NewTopic, Refused
from tracker.topics import TopicPartition

SECONDS = 60.0
PLACE = TopicPartition("visits", 0)

pytestmark = pytest.mark.may_block


def work(config: KafkaConfig) -> tuple[set[str], set[str]]:
    """Everything that can be changed, one after the other; the topics before the last change, and
    after it."""
    changes, admin = Changes(config), Admin(config)

    changes.create_topic(NewTopic("visits", 1, configs={"retention.ms": "5000"}))
    stored = [changes.produce(NewRecord("visits", 0, b"k", b"%d" % n)) for n in range(4)]
    assert stored == [(0, n) for n in range(4)]

    changes.set_configs("visits", {"retention.ms": None, "cleanup.policy": "compact"})
    told = admin.topic_configs(["visits"], SECONDS)["visits"]
    assert told["retention.ms"].is_default and told["cleanup.policy"].value == "compact"
    changes.set_configs("visits", {"cleanup.policy": "delete"})

    changes.commit_offsets("readers", {PLACE: 3})
    assert admin.committed(["readers"], SECONDS)["readers"] == {PLACE: 3}
    changes.delete_group("readers")
    assert "readers" not in admin.list_groups(SECONDS)

    assert changes.delete_records({PLACE: 2}) == {PLACE: 2}
    assert admin.offsets([PLACE], EARLIEST, SECONDS) == {PLACE: 2}
    assert admin.offsets([PLACE], LATEST, SECONDS) == {PLACE: 4}

    changes.add_partitions("visits", 3)
    assert len(admin.metadata(SECONDS).topics["visits"]) == 3
    there = set(admin.metadata(SECONDS).topics)
    changes.delete_topic("visits")
    return there, set(admin.metadata(SECONDS).topics)


async def test_every_change_is_made_and_seen(config: KafkaConfig) -> None:
    there, left = await asyncio.to_thread(work, config)

    assert there - left == {"visits"}


def refusals(config: KafkaConfig) -> list[str]:
    """What the cluster says to changes that cannot be."""
    changes, said = Changes(config), []
    changes.create_topic(NewTopic("visits", 2))
    for change in (
        lambda: changes.create_topic(NewTopic("visits", 2)),
        lambda: changes.delete_topic("nowhere"),
        lambda: changes.add_partitions("visits", 1),
        lambda: changes.set_configs("visits", {"retention.ms": "soon"}),
        lambda: changes.delete_records({PLACE: 99}),
        lambda: changes.produce(NewRecord("visits", 7, None, b"")),
        lambda: changes.create_topic(NewTopic("clicks", 1, 10_001)),
        lambda: changes.create_topic(NewTopic("cli\0cks", 1)),
        lambda: changes.set_configs("visits", {"": "1"}),
        lambda: changes.produce(NewRecord("vis\0its", -1, None, b"")),
    ):
        with pytest.raises(Refused) as refusal:
            change()
        said.append(str(refusal.value))
    return said


async def test_a_refusal_carries_the_words_of_the_cluster(config: KafkaConfig) -> None:
    said = await asyncio.to_thread(refusals, config)

    assert said == [
        "Topic 'visits' already exists.",
        "Unknown topic or partition",
        "The topic visits currently has 2 partition(s); 1 would not be an increase.",
        "Invalid value soon for configuration retention.ms: Not a number of type LONG",
        "Offset out of range",
        "Local: Unknown partition",
        "Invalid NewTopic(clicks): replication_factor out of expected range -1..10000",
        "embedded null character",
        'setting config entry "", index 0, failed: Config name mustn\'t be empty',
        "embedded null character",
    ]


@pytest.mark.timeout(60)
def test_nobody_there_is_not_a_refusal() -> None:
    nowhere = KafkaConfig(bootstrap_servers="127.0.0.1:1")

    with pytest.raises(ClusterUnavailable):
        Changes(nowhere, timeout_s=0.5).delete_topic("visits")
