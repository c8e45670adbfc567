import pytest

from broker.config import BrokerConfig
from broker.metadata.internal_topics import spec_of

CONFIG = BrokerConfig()


@pytest.mark.parametrize(
    ("topic", "partitions", "configs"),
    [
        (
            "__consumer_offsets",
            CONFIG.offsets_topic_num_partitions,
            {
                "cleanup.policy": "compact",
                "compression.type": "producer",
                "segment.bytes": "104857600",
            },
        ),
        (
            "__transaction_state",
            CONFIG.transaction_state_log_num_partitions,
            {
                "cleanup.policy": "compact",
                "compression.type": "uncompressed",
                "min.insync.replicas": "1",
                "segment.bytes": "104857600",
                "unclean.leader.election.enable": "false",
            },
        ),
        (
            "__share_group_state",
            CONFIG.share_coordinator_state_topic_num_partitions,
            {
                "cleanup.policy": "delete",
                "compression.type": "producer",
                "min.insync.replicas": "1",
                "retention.ms": "-1",
                "segment.bytes": "104857600",
            },
        ),
    ],
)
def test_the_coordinators_topics_have_apache_kafka_4_2_s_settings(
    topic: str, partitions: int, configs: dict[str, str]
) -> None:
    spec = spec_of(topic, CONFIG)

    assert spec.partition_count == partitions
    assert spec.configs == configs


def test_any_other_topic_is_as_the_broker_s_defaults_say() -> None:
    assert spec_of("pages", CONFIG).configs == {}
