"""Creates and deletes topics that somebody names by hand; blocks, raises KafkaFailure.

`tracker.kafka.ensure_topics` is for our own topics and is silent about those that exist.
"""

from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tracker.config import KafkaConfig
from tracker.kafka import KafkaFailure, client_config

TIMEOUT_S: Final = 15.0


def create_topic(
    settings: KafkaConfig, name: str, partitions: int, configs: Mapping[str, str]
) -> None:
    """Creates a topic; `partitions` -1 takes the broker's default."""
    topic = NewTopic(name, partitions, settings.replication_factor, config=dict(configs))
    admin = AdminClient(client_config(settings, "footfall-topic"))
    _result(admin.create_topics([topic], request_timeout=TIMEOUT_S)[name], name)


def delete_topic(settings: KafkaConfig, name: str) -> None:
    """Deletes a topic with all its records."""
    admin = AdminClient(client_config(settings, "footfall-topic"))
    _result(admin.delete_topics([name], request_timeout=TIMEOUT_S)[name], name)


def _result(future: object, name: str) -> None:
    try:
        future.result(TIMEOUT_S)  # type: ignore[attr-defined]
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        raise KafkaFailure(f"topic {name}: {cause.str()}") from error
    except TimeoutError as error:
        silence = f"topic {name}: no answer within {TIMEOUT_S:g} s"
        raise KafkaFailure(silence, retriable=True) from error
