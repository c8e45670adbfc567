"""Every metric that a Grafana board or an alert rule asks for is one that some role declares, and
every declared one is drawn on a board, watched by a rule, or excused here with its reason.

Of what a rule watches a panel is not asked."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.support.tools import ROOT
from tests.support.tree import PACKAGES, python_files

DECLARED_AS = re.compile(r'"((?:footfall|kafka|process|python)_[a-z0-9_]+)"')
ASKED_FOR = re.compile(r"\b((?:footfall|kafka)_[a-z0-9_]+)\b")
PARTS_OF_A_FAMILY = ("_total", "_bucket", "_sum", "_count", "_created", "_info")


# Declared and on no board of ours, by reason.
EXCUSED = {
    "no metric: a prefix, a name on the wire, a cookie, a label": {
        "footfall_kafka_",
        "footfall_oidc",
        "footfall_session",
        "kafka_client",
        "kafka_cluster_",
        "kafka_cluster_id",
        "kafka_controller_",
        "kafka_log_",
        "kafka_offset",
        "kafka_partition",
        "kafka_server_",
        "kafka_state",
        "kafka_topic",
    },
    "of clients: which names come depends on who pushes what": {
        "footfall_client_metric",
        "kafka_server_client_metrics_instance_count",
    },
    "names of other exporters, for boards made for them; ours ask for the same by one name": {
        "kafka_broker_info",
        "kafka_brokers",
        "kafka_cluster_partition_atminisr",
        "kafka_cluster_partition_insyncreplicascount",
        "kafka_cluster_partition_replicascount",
        "kafka_cluster_partition_underreplicated",
        "kafka_consumer_lag_millis",
        "kafka_consumergroup_uncommitted_offsets",
        "kafka_controller_controllerstats_uncleanleaderelections",
        "kafka_controller_kafkacontroller_activecontrollercount",
        "kafka_controller_kafkacontroller_offlinepartitionscount",
        "kafka_controller_kafkacontroller_preferredreplicaimbalancecount",
        "kafka_log_log_logendoffset",
        "kafka_log_log_logstartoffset",
        "kafka_log_log_size",
        "kafka_network_requestmetrics_totaltimems",
        "kafka_network_socketserver_networkprocessoravgidle_percent",
        "kafka_server_group_coordinator_metrics_group_count",
        "kafka_server_group_coordinator_metrics_offset_commit_count",
        "kafka_server_group_coordinator_metrics_offset_deletion_count",
        "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent",
        "kafka_server_kafkaserver_brokerstate",
        "kafka_server_replicamanager_isrexpands",
        "kafka_server_replicamanager_isrshrinks",
        "kafka_server_replicamanager_leadercount",
        "kafka_server_replicamanager_partitioncount",
        "kafka_server_replicamanager_underminisrpartitioncount",
        "kafka_server_replicamanager_underreplicatedpartitions",
        "kafka_topic_partition_in_sync_replica",
        "kafka_topic_partition_leader_is_preferred",
        "kafka_topic_partition_replicas",
    },
    "there only where it has happened or is switched on: a panel would be empty elsewhere": {
        "footfall_dead_letters",
        "footfall_series_dropped",
        "footfall_weekly_letters_total",
    },
    "of Footfall itself, for joins and for us": {
        "footfall_build_info",
        "footfall_collector_duration_seconds",
        "footfall_consumergroup_uncommitted_partitions",
    },
}


def declared() -> set[str]:
    """Every string of our code that looks like a metric's name."""
    return {
        name for path in python_files(*PACKAGES) for name in DECLARED_AS.findall(path.read_text())
    }


def expressions(node: Any) -> Iterator[str]:
    """Queries of a board, wherever they stand in it."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "query", "definition") and isinstance(value, str):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for item in node:
            yield from expressions(item)


def without_part(name: str) -> set[str]:
    """The family a sample may belong to."""
    return {name} | {name.removesuffix(part) for part in PARTS_OF_A_FAMILY if name.endswith(part)}


def test_every_metric_that_a_board_asks_for_is_declared() -> None:
    known = declared()
    boards = sorted((ROOT / "grafana" / "dashboards").rglob("*.json"))

    unknown = {
        f"{board.name}: {name}"
        for board in boards
        for query in expressions(json.loads(board.read_text()))
        for name in ASKED_FOR.findall(query)
        if not without_part(name) & known
    }

    assert boards
    assert unknown == set()


def test_every_metric_that_the_prometheus_files_name_is_declared() -> None:
    """Anywhere: an expression may go over lines, and texts and unit tests name metrics as well."""
    known = declared()
    files = sorted((ROOT / "prometheus").rglob("*.yml"))

    unknown = {
        f"{path.name}: {name}"
        for path in files
        for name in ASKED_FOR.findall(path.read_text())
        if not without_part(name) & known
    }

    assert files
    assert unknown == set()


def asked_for() -> set[str]:
    """Every metric that a board draws or a rule watches, with and without its suffix."""
    boards = (ROOT / "grafana" / "dashboards").rglob("*.json")
    queries = [query for board in boards for query in expressions(json.loads(board.read_text()))]
    rules = [path.read_text() for path in (ROOT / "prometheus" / "rules").rglob("*.yml")]
    names = {name for text in (*queries, *rules) for name in ASKED_FOR.findall(text)}
    return {part for name in names for part in without_part(name)}


def is_asked_for(name: str, wanted: set[str]) -> bool:
    return not without_part(name).isdisjoint(wanted)


def test_every_declared_metric_is_drawn_watched_or_excused() -> None:
    wanted = asked_for()
    excused = set().union(*EXCUSED.values())

    ours = {name for name in declared() if name.startswith(("footfall_", "kafka_"))}
    unseen = {name for name in ours if not is_asked_for(name, wanted)}

    assert unseen - excused == set()


def test_what_is_excused_is_declared_and_nowhere_drawn() -> None:
    wanted, known = asked_for(), declared()

    stale = {
        name
        for names in EXCUSED.values()
        for name in names
        if name not in known or is_asked_for(name, wanted)
    }

    assert stale == set()
