"""Topics made and deleted, and what the cluster calls itself: librdkafka's admin client.

`ensure_topics` is for our own topics and is silent about those that exist; `create_topic` and
`delete_topic` are for those that somebody names by hand. All block and raise KafkaFailure.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tracker.config import KafkaConfig
from tracker.kafka.client import ADMIN_TIMEOUT_S, KafkaFailure, client_config
from tracker.topics import Topic

BY_HAND_TIMEOUT_S: Final = 15.0
ATTEMPT_S: Final = 2.0
RETRY_INTERVAL_S: Final = 0.2


def ensure_topics(
    settings: KafkaConfig,
    topics: Sequence[Topic],
    *,
    client_id: str = "footfall",
    timeout_s: float = ADMIN_TIMEOUT_S,
) -> None:
    """Create the topics that do not exist; waits up to `timeout_s` for a broker.

    Call it before the loop runs, or in a thread.
    """
    deadline = time.monotonic() + timeout_s
    with AdminClient(client_config(settings, client_id)) as admin:
        while True:
            try:
                _create_missing(admin, topics, settings.replication_factor)
                return
            except KafkaFailure as failure:
                if not failure.retriable or time.monotonic() > deadline:
                    raise
            admin.poll(RETRY_INTERVAL_S)


def create_topic(
    settings: KafkaConfig, name: str, partitions: int, configs: Mapping[str, str]
) -> None:
    """Creates a topic; `partitions` -1 takes the broker's default."""
    topic = NewTopic(name, partitions, settings.replication_factor, config=dict(configs))
    with AdminClient(client_config(settings, "footfall-topic")) as admin:
        _result(admin.create_topics([topic], request_timeout=BY_HAND_TIMEOUT_S)[name], name)


def delete_topic(settings: KafkaConfig, name: str) -> None:
    """Deletes a topic with all its records."""
    with AdminClient(client_config(settings, "footfall-topic")) as admin:
        _result(admin.delete_topics([name], request_timeout=BY_HAND_TIMEOUT_S)[name], name)


def cluster_id(settings: KafkaConfig, *, timeout_s: float = ADMIN_TIMEOUT_S) -> str:
    """What the cluster calls itself, "" when it has no name."""
    try:
        with AdminClient(client_config(settings, "footfall")) as admin:
            return str(admin.list_topics(timeout=timeout_s).cluster_id or "")
    except KafkaException as error:
        raise KafkaFailure.of(error) from error


def _create_missing(admin: AdminClient, topics: Sequence[Topic], replication_factor: int) -> None:
    """One attempt."""
    try:
        existing = admin.list_topics(timeout=ATTEMPT_S).topics
    except KafkaException as error:
        raise KafkaFailure.of(error, "no broker answers: ") from error
    wanted = [
        NewTopic(topic.name, topic.partitions, replication_factor, config=dict(topic.configs))
        for topic in topics
        if topic.name not in existing
    ]
    if not wanted:
        return
    for name, future in admin.create_topics(wanted, request_timeout=ADMIN_TIMEOUT_S).items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise KafkaFailure.of(error, f"topic {name}: ") from error


def _result(future: object, name: str) -> None:
    try:
        future.result(BY_HAND_TIMEOUT_S)  # type: ignore[attr-defined]
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        raise KafkaFailure(f"topic {name}: {cause.str()}") from error
    except TimeoutError as error:
        silence = f"topic {name}: no answer within {BY_HAND_TIMEOUT_S:g} s"
        raise KafkaFailure(silence, retriable=True) from error
