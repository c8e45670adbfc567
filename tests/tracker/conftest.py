"""How the tracker reaches a broker: one of its own for a test, or one that a file's tests share."""

from collections.abc import Iterator

import pytest

from tests.support.kafka_address import kafka_address, new_site
from tests.support.running_broker import RunningBroker
from tracker.config import KafkaConfig
from tracker.kafka.topics import ensure_topics
from tracker.topics import Topic


@pytest.fixture
def config(broker: RunningBroker) -> KafkaConfig:
    return KafkaConfig(bootstrap_servers=broker.bootstrap)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaConfig]:
    with kafka_address(tmp_path_factory.mktemp("broker")) as bootstrap:
        yield KafkaConfig(bootstrap_servers=bootstrap)


@pytest.fixture
def topic(kafka: KafkaConfig) -> Topic:
    made = Topic(f"topic-{new_site()}", partitions=2)
    ensure_topics(kafka, [made])
    return made
