"""Topics that are made without anybody's wishes; those of the coordinators have settings."""

from collections.abc import Callable

from broker.config import BrokerConfig
from broker.metadata.controller import TopicSpec
from broker.metadata.records import (
    OFFSETS_TOPIC,
    SHARE_STATE_TOPIC,
    TRANSACTIONS_TOPIC,
)

Configs = dict[str, str | None]
ONE_COPY = "1"
"""`transaction.state.log.min.isr` and its like: there is one node."""


def spec_of(name: str, config: BrokerConfig) -> TopicSpec:
    """A coordinator's topic is as its settings say, any other as the broker's defaults."""
    if name not in _OF_COORDINATORS:
        return TopicSpec(name)
    partition_count, configs = _OF_COORDINATORS[name](config)
    return TopicSpec(name, partition_count, configs=configs)


def _of_groups(config: BrokerConfig) -> tuple[int, Configs]:
    return config.offsets_topic_num_partitions, {
        "cleanup.policy": "compact",
        "compression.type": "producer",
        "segment.bytes": str(config.offsets_topic_segment_bytes),
    }


def _of_transactions(config: BrokerConfig) -> tuple[int, Configs]:
    return config.transaction_state_log_num_partitions, {
        "unclean.leader.election.enable": "false",
        "compression.type": "uncompressed",
        "cleanup.policy": "compact",
        "min.insync.replicas": ONE_COPY,
        "segment.bytes": str(config.transaction_state_log_segment_bytes),
    }


def _of_share_groups(config: BrokerConfig) -> tuple[int, Configs]:
    return config.share_coordinator_state_topic_num_partitions, {
        "cleanup.policy": "delete",  # its records build on each other: the coordinator deletes
        "compression.type": "producer",
        "segment.bytes": str(config.share_coordinator_state_topic_segment_bytes),
        "min.insync.replicas": ONE_COPY,
        "retention.ms": "-1",
    }


_OF_COORDINATORS: dict[str, Callable[[BrokerConfig], tuple[int, Configs]]] = {
    OFFSETS_TOPIC: _of_groups,
    TRANSACTIONS_TOPIC: _of_transactions,
    SHARE_STATE_TOPIC: _of_share_groups,
}
