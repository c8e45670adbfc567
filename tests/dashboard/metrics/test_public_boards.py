"""Boards that others publish for kafka_exporter, Strimzi and the mixin find what they ask for.

Only the names and labels that their queries use are kept here, not the boards. What no broker in
Python has (JVM, ZooKeeper, kubelet) is not among them.
"""

from pathlib import Path

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from dashboard.metrics.exposition import ClusterPage, Limits, expose
from tests.support.made_cluster import MadePartition
from tests.support.running_broker import running_broker
from tests.support.watched import NOW, Watch
from tracker.topics import TopicPartition

LIMITS = Limits(fork_aliases=True, series_max=20_000, exclude_groups="")

KAFKA_EXPORTER_7589 = {
    "kafka_topic_partition_current_offset": {"topic", "partition"},
    "kafka_consumergroup_current_offset": {"consumergroup", "topic", "partition"},
    "kafka_consumergroup_lag": {"consumergroup", "topic", "partition"},
    "kafka_topic_partitions": {"topic"},
}
STRIMZI_KAFKA_EXPORTER = KAFKA_EXPORTER_7589 | {
    "kafka_brokers": set(),
    "kafka_broker_info": {"id", "address"},
    "kafka_topic_partition_oldest_offset": {"topic", "partition"},
    "kafka_topic_partition_leader": {"topic", "partition"},
    "kafka_topic_partition_replicas": {"topic", "partition"},
    "kafka_topic_partition_in_sync_replica": {"topic", "partition"},
    "kafka_topic_partition_under_replicated_partition": {"topic", "partition"},
    "kafka_topic_partition_leader_is_preferred": {"topic", "partition"},
    "kafka_cluster_partition_underminisr": {"topic", "partition"},
    "kafka_cluster_partition_atminisr": {"topic", "partition"},
}
STRIMZI_KAFKA_METADATA = {
    "kafka_server_replicamanager_leadercount": {"broker_id"},
    "kafka_server_replicamanager_partitioncount": {"broker_id"},
    "kafka_server_replicamanager_underreplicatedpartitions": {"broker_id"},
    "kafka_server_replicamanager_underminisrpartitioncount": {"broker_id"},
    "kafka_server_kafkaserver_brokerstate": {"broker_id"},
    "kafka_controller_kafkacontroller_activecontrollercount": set(),
    "kafka_controller_kafkacontroller_offlinepartitionscount": set(),
    "kafka_controller_kafkacontroller_preferredreplicaimbalancecount": set(),
    "kafka_log_log_size": {"topic", "partition"},
    "kafka_log_logmanager_offlinelogdirectorycount": {"broker_id"},
}
MIXIN_LAG = {
    "kafka_consumergroup_uncommitted_offsets": {"consumergroup", "topic", "partition"},
    "kafka_consumer_lag_millis": {"consumergroup", "topic", "partition"},
    "kafka_log_log_logstartoffset": {"topic", "partition"},
    "kafka_log_log_logendoffset": {"topic", "partition"},
    "kafka_cluster_partition_replicascount": {"topic", "partition"},
    "kafka_cluster_partition_insyncreplicascount": {"topic", "partition"},
}
BUNDLED_BROKER = {
    "kafka_server_brokertopicmetrics_messagesin_total": {"topic"},
    "kafka_server_brokertopicmetrics_bytesin_total": {"topic"},
    "kafka_server_brokertopicmetrics_bytesout_total": {"topic"},
    "kafka_server_brokertopicmetrics_bytesrejected_total": {"topic"},
    "kafka_server_brokertopicmetrics_totalproducerequests_total": {"topic"},
    "kafka_server_brokertopicmetrics_failedproducerequests_total": {"topic"},
    "kafka_server_brokertopicmetrics_totalfetchrequests_total": {"topic"},
    "kafka_server_brokertopicmetrics_failedfetchrequests_total": {"topic"},
    "kafka_server_replicamanager_isrshrinks_total": set(),
    "kafka_server_replicamanager_isrexpands_total": set(),
    "kafka_controller_controllerstats_uncleanleaderelections_total": set(),
    "kafka_network_requestmetrics_requests_total": {"request"},
    "kafka_network_requestmetrics_totaltimems": {"request", "quantile"},
    "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent": set(),
    "kafka_network_socketserver_networkprocessoravgidle_percent": set(),
    "kafka_server_socket_server_metrics_connection_count": {"listener", "networkProcessor"},
    "kafka_server_kafkaserver_linux_disk_read_bytes": set(),
    "kafka_server_kafkaserver_linux_disk_write_bytes": set(),
    "process_cpu_seconds_total": set(),
    "process_resident_memory_bytes": set(),
    "process_open_fds": set(),
    "process_max_fds": set(),
    "process_start_time_seconds": set(),
}


def labels_by_name(text: str) -> dict[str, set[str]]:
    """Every sample's name, and the labels it carries."""
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    "wanted",
    [KAFKA_EXPORTER_7589, STRIMZI_KAFKA_EXPORTER, STRIMZI_KAFKA_METADATA, MIXIN_LAG],
    ids=["7589", "strimzi-kafka-exporter", "strimzi-kafka", "kafka-mixin"],
)
def test_what_a_public_board_asks_of_any_cluster_is_there(wanted: dict[str, set[str]]) -> None:
    watch, place = Watch(), TopicPartition("events", 0)
    watch.cluster.add_topic("events", MadePartition(end=9, stamps={0: NOW}))
    watch.cluster.add_group("g", {place: 4}, [place])
    page = ClusterPage("local", watch.look(), True, NOW, 0.01, jmx_names=True)

    found = labels_by_name(expose([page], LIMITS).text())

    assert {name: found.get(name) for name in wanted} == {
        name: labels | {"kafka_cluster"} for name, labels in wanted.items()
    }


@pytest.mark.may_block
async def test_what_public_boards_ask_of_a_broker_the_bundled_one_tells(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path / "broker", metrics_port=0) as broker,
        ClientSession() as session,
        session.get(f"http://{broker.host}:{broker.metrics_port}/metrics") as answer,
    ):
        text = await answer.text()

    declared = {family.name for family in text_string_to_metric_families(text)}
    found = labels_by_name(text)
    assert {name.removesuffix("_total") for name in BUNDLED_BROKER} - declared == set()
    assert {
        name for name, labels in BUNDLED_BROKER.items() if labels - found.get(name, labels)
    } == set()
