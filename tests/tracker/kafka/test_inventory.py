"""Sizes and other groups, asked of a running broker."""

import asyncio
import socket
import threading
from pathlib import Path

import confluent_kafka
import pytest

from tracker.config import KafkaConfig
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.inventory import Inventory
from tracker.kafka.line import Line, line_options
from tracker.kafka.topics import ensure_topics
from tracker.topics import Topic, TopicPartition

VISITS = Topic("visits", partitions=2)
SECONDS = 60.0

pytestmark = pytest.mark.may_block


def fill(config: KafkaConfig) -> None:
    ensure_topics(config, [VISITS])
    producer = confluent_kafka.Producer({"bootstrap.servers": config.bootstrap_servers})
    producer.produce("visits", b"x" * 50_000, partition=0)
    assert producer.flush(SECONDS) == 0


async def test_bytes_on_disk_are_told_by_partition_and_broker(
    config: KafkaConfig, tmp_path: Path
) -> None:
    await asyncio.to_thread(fill, config)
    inventory = Inventory(Line(config))

    disks = await asyncio.to_thread(inventory.disks, SECONDS)
    others = await asyncio.to_thread(inventory.other_groups, SECONDS)
    await asyncio.to_thread(inventory.close)

    ((broker_id, size),) = disks.sizes[TopicPartition("visits", 0)].items()
    assert 50_000 < size < 51_000
    assert disks.sizes[TopicPartition("visits", 1)] == {broker_id: 0}
    (log_dir,) = disks.log_dirs
    assert (log_dir.broker_id, log_dir.offline) == (broker_id, False)
    assert log_dir.path.startswith(str(tmp_path))
    assert log_dir.free_bytes > 0
    assert others == ()


async def test_a_cluster_that_is_silent_is_told_and_leaves_no_thread_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        inventory = Inventory(Line(KafkaConfig(bootstrap_servers=address)))

        for _ in range(2):
            with pytest.raises(ClusterUnavailable):
                await asyncio.to_thread(inventory.disks, 0.3)

    assert [one.name for one in threading.enumerate() if one.name.startswith("kafka-io")] == []


def test_log_in_and_certificates_are_those_of_the_settings() -> None:
    config = KafkaConfig(
        bootstrap_servers="a:1,b:2",
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="watch",
        sasl_password="secret",
        ssl_ca_location="/ca.pem",
    )

    options = line_options(config, 2.0)

    assert options["bootstrap_servers"] == ["a:1", "b:2"]
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("watch", "secret")
    assert (options["ssl_cafile"], options["ssl_certfile"]) == ("/ca.pem", None)
