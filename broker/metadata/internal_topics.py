"""What a topic is like that is made without anybody's wishes; the coordinators' own have settings."""

from collections.abc import Mapping

from broker.config import BrokerConfig
from broker.metadata.controller import TopicSpec
from broker.metadata.records import (
    INTERNAL_TOPICS,
    OFFSETS_TOPIC,
    SHARE_STATE_TOPIC,
    TRANSACTIONS_TOPIC,
)


def spec_of(name: str, config: BrokerConfig) -> TopicSpec:
    """A coordinator's topic is as its settings say, any other as the broker's defaults."""
    if name not in INTERNAL_TOPICS:
        return TopicSpec(name)
    counts: Mapping[str, tuple[int, int]] = {
        OFFSETS_TOPIC: (
            config.offsets_topic_num_partitions,
            config.offsets_topic_segment_bytes,
        ),
        TRANSACTIONS_TOPIC: (
            config.transaction_state_log_num_partitions,
            config.transaction_state_log_segment_bytes,
        ),
        SHARE_STATE_TOPIC: (
            config.share_coordinator_state_topic_num_partitions,
            config.share_coordinator_state_topic_segment_bytes,
        ),
    }
    partition_count, segment_bytes = counts[name]
    configs: dict[str, str | None] = {
        "cleanup.policy": "compact",
        "compression.type": "producer" if name == OFFSETS_TOPIC else "uncompressed",
        "segment.bytes": str(segment_bytes),
    }
    if name == SHARE_STATE_TOPIC:  # its records build on each other: the coordinator deletes
        configs |= {"cleanup.policy": "delete", "retention.ms": "-1"}
    return TopicSpec(name, partition_count, configs=configs)
