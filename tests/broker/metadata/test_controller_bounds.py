import re
import tracemalloc

import pytest

from broker.config import BrokerConfig
from broker.errors import ErrorCode, KafkaError
from broker.metadata.controller import TopicSpec, check_topic_name, create_topic
from broker.metadata.image import ClusterImage
from broker.metadata.records import RegisterBrokerRecord

ONE_BROKER = ClusterImage().apply([RegisterBrokerRecord(broker_id=1, fenced=False)])


@pytest.mark.parametrize("count", [100_001, 2**31 - 1])
def test_a_topic_of_too_many_partitions_is_refused_before_memory_is_taken(count: int) -> None:
    """One request for 2,147,483,647 partitions took 16 GB before it was refused."""
    spec = TopicSpec("t", partition_count=count, replication_factor=1)
    tracemalloc.start()

    with pytest.raises(KafkaError, match=f"{count} more partitions would exceed") as refusal:
        create_topic(ONE_BROKER, spec, b"i" * 16, BrokerConfig())

    assert refusal.value.code == ErrorCode.POLICY_VIOLATION
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


@pytest.mark.parametrize("name", [".", ".."])
def test_a_topic_is_not_named_like_a_directory(name: str) -> None:
    with pytest.raises(KafkaError, match=f"Topic name is invalid: '{re.escape(name)}' is not all"):
        check_topic_name(name)
