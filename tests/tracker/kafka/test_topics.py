"""Topics made and deleted, on a real broker."""

import pytest

from tests.support.kafka_address import new_site
from tracker.config import KafkaConfig
from tracker.kafka.admin import Admin
from tracker.kafka.client import KafkaFailure
from tracker.kafka.topics import cluster_id, create_topic, delete_topic, ensure_topics
from tracker.topics import Topic

NOBODY = KafkaConfig(bootstrap_servers="127.0.0.1:1")
SECONDS = 30.0


def test_ensuring_twice_changes_nothing(kafka: KafkaConfig, topic: Topic) -> None:
    ensure_topics(kafka, [Topic(topic.name, partitions=9)])

    assert len(Admin(kafka).metadata(SECONDS).topics[topic.name]) == 2


def test_a_topic_by_hand_is_made_once_as_asked_and_deleted(kafka: KafkaConfig) -> None:
    name = f"topic-{new_site()}"

    create_topic(kafka, name, 3, {"retention.ms": "5000"})
    admin = Admin(kafka)
    partitions = admin.metadata(SECONDS).topics[name]
    settings = admin.topic_configs([name], SECONDS)[name]
    with pytest.raises(KafkaFailure, match=f"topic {name}: .*exists"):
        create_topic(kafka, name, 3, {})
    delete_topic(kafka, name)

    assert (len(partitions), settings["retention.ms"].value) == (3, "5000")
    assert name not in admin.metadata(SECONDS).topics
    with pytest.raises(KafkaFailure, match=f"topic {name}: "):
        delete_topic(kafka, name)


def test_a_cluster_has_one_name(kafka: KafkaConfig) -> None:
    assert cluster_id(kafka) == Admin(kafka).metadata(SECONDS).cluster_id != ""


def test_nobody_there_is_a_retriable_failure() -> None:
    with pytest.raises(KafkaFailure) as failure:
        ensure_topics(NOBODY, [Topic("t", 1)], timeout_s=0.1)

    assert failure.value.retriable
