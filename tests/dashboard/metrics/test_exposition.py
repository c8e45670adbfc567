"""The scrape page: names and labels are a contract, numbers are the snapshot's."""

import re
import subprocess
import time
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dashboard.connect.model import Connector, Task, WorkerSeen
from dashboard.metrics import families
from dashboard.metrics.exposition import (
    REASONS,
    ClusterPage,
    Exposition,
    Limits,
    expose,
    room_of_roles,
)
from dashboard.metrics.roles import first_series
from tests.dashboard.cluster.test_judge import EVENTS
from tests.support.made_cluster import MadePartition
from tests.support.tools import promtool
from tests.support.watched import NOW, Watch
from tracker.kafka.answers import ListedGroup
from tracker.kafka.groups import ShareGroup, ShareStart
from tracker.topics import TopicPartition

LIMITS = Limits(fork_aliases=True, series_max=20_000, exclude_groups="^console-consumer-")

PARTITION = ("kafka_cluster", "topic", "partition")
GROUP_PARTITION = ("kafka_cluster", "consumergroup", "topic", "partition")
GROUP_TOPIC = ("kafka_cluster", "consumergroup", "topic")
CONTRACT = {
    "kafka_brokers": ("kafka_cluster",),
    "kafka_broker_info": ("kafka_cluster", "id", "address"),
    "kafka_topic_partitions": ("kafka_cluster", "topic"),
    "kafka_topic_partition_current_offset": PARTITION,
    "kafka_topic_partition_oldest_offset": PARTITION,
    "kafka_topic_partition_leader": PARTITION,
    "kafka_topic_partition_replicas": PARTITION,
    "kafka_topic_partition_in_sync_replica": PARTITION,
    "kafka_topic_partition_leader_is_preferred": PARTITION,
    "kafka_topic_partition_under_replicated_partition": PARTITION,
    "kafka_consumergroup_current_offset": GROUP_PARTITION,
    "kafka_consumergroup_current_offset_sum": GROUP_TOPIC,
    "kafka_consumergroup_lag": GROUP_PARTITION,
    "kafka_consumergroup_lag_sum": GROUP_TOPIC,
    "kafka_consumergroup_members": ("kafka_cluster", "consumergroup"),
    "kafka_consumergroup_uncommitted_offsets": GROUP_PARTITION,
    "kafka_consumer_lag_millis": GROUP_PARTITION,
    "kafka_cluster_partition_underreplicated": PARTITION,
    "kafka_cluster_partition_underminisr": PARTITION,
    "kafka_cluster_partition_atminisr": PARTITION,
    "kafka_cluster_partition_replicascount": PARTITION,
    "kafka_cluster_partition_insyncreplicascount": PARTITION,
    "kafka_log_log_logstartoffset": PARTITION,
    "kafka_log_log_logendoffset": PARTITION,
    "kafka_log_log_size": PARTITION,
    "kafka_log_logmanager_offlinelogdirectorycount": ("kafka_cluster", "broker_id"),
    "kafka_server_kafkaserver_brokerstate": ("kafka_cluster", "broker_id"),
    "kafka_server_replicamanager_leadercount": ("kafka_cluster", "broker_id"),
    "kafka_server_replicamanager_partitioncount": ("kafka_cluster", "broker_id"),
    "kafka_server_replicamanager_underreplicatedpartitions": ("kafka_cluster", "broker_id"),
    "kafka_server_replicamanager_underminisrpartitioncount": ("kafka_cluster", "broker_id"),
    "kafka_controller_kafkacontroller_activecontrollercount": ("kafka_cluster",),
    "kafka_controller_kafkacontroller_offlinepartitionscount": ("kafka_cluster",),
    "kafka_controller_kafkacontroller_preferredreplicaimbalancecount": ("kafka_cluster",),
    "footfall_consumergroup_lag_seconds": GROUP_PARTITION,
    "footfall_consumergroup_state": ("kafka_cluster", "consumergroup", "state"),
    "footfall_consumergroup_retention_used_ratio": GROUP_TOPIC,
    "footfall_consumergroup_lost_records_total": GROUP_TOPIC,
    "footfall_consumergroup_uncommitted_partitions": GROUP_TOPIC,
    "footfall_sharegroup_members": ("kafka_cluster", "sharegroup"),
    "footfall_sharegroup_lag": ("kafka_cluster", "sharegroup", "topic"),
    "kafka_connect_up": ("kafka_cluster", "worker"),
    "kafka_connect_connector_state": ("kafka_cluster", "worker", "connector", "state"),
    "kafka_connect_connector_tasks": ("kafka_cluster", "worker", "connector", "state"),
    "footfall_collector_up": ("kafka_cluster",),
    "footfall_collector_last_success_timestamp_seconds": ("kafka_cluster",),
    "footfall_collector_duration_seconds": ("kafka_cluster",),
    "footfall_series_dropped": ("reason", "family"),
    "footfall_disk_free_bytes": ("path",),
    "footfall_disk_total_bytes": ("path",),
    "footfall_role_up": ("role",),
    "footfall_alerts": ("severity", "state"),
    "footfall_site_visitors_last_hour": ("site",),
    "footfall_site_visitors_week_before": ("site",),
    "footfall_mcp_calls_total": ("tool", "outcome"),
    "footfall_weekly_letters_total": ("way", "outcome"),
    "footfall_ldap_sign_ins_total": ("outcome",),
    "footfall_oidc_sign_ins_total": ("outcome",),
    "footfall_build_info": ("version", "commit"),
}


@pytest.fixture
def watch() -> Watch:
    made = Watch()
    made.cluster.add_topic(
        "events", MadePartition(start=3, end=100, stamps={0: NOW - 30_000}), MadePartition(end=7)
    )
    made.cluster.add_topic("__consumer_offsets")
    made.cluster.add_topic("__transaction_state")
    made.cluster.add_group("g", {EVENTS: 40}, [EVENTS])
    return made


def dropped(found: dict[str, float]) -> dict[tuple[str, str], float]:
    """What the guard told, by reason and family."""
    told = {}
    for name, value in found.items():
        if name.startswith("footfall_series_dropped"):
            family, reason = re.findall(r"=(\w*)", name)
            told[reason, family] = value
    return told


def page_of(watch: Watch, up: bool = True) -> ClusterPage:
    return ClusterPage("local", watch.look(), up, NOW, 0.01, jmx_names=True)


def values(text: str) -> dict[str, float]:
    """Samples by name and sorted labels but the cluster's."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(
                f"{k}={v}" for k, v in sorted(sample.labels.items()) if k != "kafka_cluster"
            )
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def test_names_types_and_labels_are_the_contract() -> None:
    declared = {family.name: family.labels for family in families.ALL}

    assert declared == CONTRACT
    counters = [family.name for family in families.ALL if family.kind == "counter"]
    assert counters == [
        "footfall_consumergroup_lost_records_total",
        "footfall_mcp_calls_total",
        "footfall_weekly_letters_total",
        "footfall_ldap_sign_ins_total",
        "footfall_oidc_sign_ins_total",
    ]


def test_the_page_says_what_the_snapshot_says(watch: Watch) -> None:
    found = values(expose([page_of(watch)], LIMITS).text())

    assert found["kafka_topic_partition_current_offset{partition=0,topic=events}"] == 100
    assert found["kafka_topic_partition_oldest_offset{partition=0,topic=events}"] == 3
    assert found["kafka_consumergroup_lag{consumergroup=g,partition=0,topic=events}"] == 60
    assert found["kafka_consumergroup_lag_sum{consumergroup=g,topic=events}"] == 60
    assert (
        found["footfall_consumergroup_lag_seconds{consumergroup=g,partition=0,topic=events}"] == 30
    )
    assert found["kafka_consumer_lag_millis{consumergroup=g,partition=0,topic=events}"] == 30_000
    assert found["footfall_consumergroup_uncommitted_partitions{consumergroup=g,topic=events}"] == 1
    assert found["kafka_consumergroup_members{consumergroup=g}"] == 1
    assert found["footfall_consumergroup_state{consumergroup=g,state=unknown}"] == 1


def test_a_partition_without_a_commit_has_no_lag_series(watch: Watch) -> None:
    found = values(expose([page_of(watch)], LIMITS).text())

    assert "kafka_consumergroup_lag{consumergroup=g,partition=1,topic=events}" not in found


def test_of_internal_topics_only_consumer_offsets_is_shown(watch: Watch) -> None:
    found = values(expose([page_of(watch)], LIMITS).text())

    assert "kafka_topic_partitions{topic=__consumer_offsets}" in found
    assert "kafka_topic_partitions{topic=__transaction_state}" not in found


def test_an_offline_partition_has_leader_minus_one(watch: Watch) -> None:
    watch.cluster.partitions[EVENTS].leader = -1

    found = values(expose([page_of(watch)], LIMITS).text())

    assert found["kafka_topic_partition_leader{partition=0,topic=events}"] == -1
    assert found["kafka_controller_kafkacontroller_offlinepartitionscount{}"] == 1


def test_throw_away_groups_are_left_out(watch: Watch) -> None:
    watch.cluster.add_group("console-consumer-12345", {EVENTS: 1}, [EVENTS])

    assert "console-consumer" not in expose([page_of(watch)], LIMITS).text()


def test_hostile_names_stay_inside_their_label(watch: Watch) -> None:
    hostile = 'x"} 1\nfootfall_collector_up{kafka_cluster="evil\\'
    watch.cluster.add_group(hostile, {EVENTS: 1}, [EVENTS])

    text = expose([page_of(watch)], LIMITS).text()

    groups = {
        sample.labels["consumergroup"]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "consumergroup" in sample.labels
    }
    assert groups == {"g", hostile}


def test_above_the_limit_series_go_in_a_fixed_order_and_are_counted(watch: Watch) -> None:
    whole = expose([page_of(watch)], LIMITS)

    cut = expose([page_of(watch)], Limits(True, 60, ""))

    assert whole.series > 60
    found = values(cut.text())
    gone = dropped(found)
    assert gone["fork_aliases", "kafka_consumer_lag_millis"] == 1
    assert gone["fork_aliases", "kafka_consumergroup_uncommitted_offsets"] == 1
    assert gone["jmx_names", "kafka_cluster_partition_underminisr"] == 3
    assert "kafka_consumergroup_lag_sum{consumergroup=g,topic=events}" in found
    assert "kafka_cluster_partition_underminisr{partition=0,topic=events}" not in found


@pytest.mark.parametrize("most", [100, 137, 500, 1_000])
def test_the_limit_holds_whatever_a_cluster_has_in_it(watch: Watch, most: int) -> None:
    """1 000 topics and 300 groups: family A alone is far above all of these limits."""
    for number in range(1_000):
        watch.cluster.add_topic(f"topic-{number}", MadePartition(end=number))
    for number in range(300):
        watch.cluster.add_group(f"group-{number}", {EVENTS: 1}, [EVENTS])
    page = page_of(watch)
    whole = expose([page], Limits(True, 1_000_000, ""))

    cut = expose([page], Limits(True, most, ""))

    found = values(cut.text())
    told = dropped(found)
    assert cut.series == most
    assert sum(told.values()) == whole.series - len(REASONS) - (most - len(told))
    assert found["footfall_collector_up{}"] == 1


@pytest.mark.parametrize(
    ("left", "others", "room"),
    [(20_000, 100, 20_000 - 100 - len(REASONS)), (20_000, 30_000, 10_000), (-5, 10, 0)],
)
def test_roles_have_half_of_the_room_or_what_clusters_do_not_need(
    left: int, others: int, room: int
) -> None:
    assert room_of_roles(left, others) == room


def test_roles_are_cut_as_well_and_what_is_left_has_its_heading() -> None:
    first = '# HELP a x\n# TYPE a gauge\na{b="1"} 1\na{b="2"} 1\n'
    text = first + "# HELP c x\n# TYPE c gauge\nc 1\n"

    assert first_series(text, 2) == (first, 3)
    assert first_series(text, 3) == (text, 3)
    assert first_series(text, 0) == ("", 3)


def test_a_cluster_that_is_away_has_only_its_collector_series() -> None:
    page = ClusterPage("local", None, False, NOW, 0.5, jmx_names=True)

    found = values(expose([page], LIMITS).text())

    assert found["footfall_collector_up{}"] == 0
    assert not any(name.startswith("kafka_") for name in found)


def test_promtool_finds_nothing_wrong_with_our_own_families(watch: Watch) -> None:
    lines = expose([page_of(watch)], LIMITS).text().splitlines()
    ours = "\n".join(line for line in lines if "footfall_" in line) + "\n"

    run = subprocess.run(
        [promtool(), "check", "metrics"], input=ours, capture_output=True, text=True, check=False
    )

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_a_share_group_is_told_by_topic_and_one_that_is_only_listed_is_not() -> None:
    watch = Watch()
    watch.cluster.others = [ListedGroup("old", "share", "x"), ListedGroup("q", "share", "x")]
    starts = {EVENTS: ShareStart(3, 7), EVENTS._replace(partition=1): ShareStart(0, 5)}
    watch.cluster.share_groups["q"] = ShareGroup("q", "stable", starts=starts)

    text = expose([ClusterPage("local", watch.look(), True, NOW, 0.1, False)], LIMITS).text()

    assert 'footfall_sharegroup_lag{kafka_cluster="local",sharegroup="q",topic="events"} 12' in text
    assert 'footfall_sharegroup_members{kafka_cluster="local",sharegroup="q"} 0' in text
    assert 'sharegroup="old"' not in text


def connectors(count: int, *tasks: str) -> list[Connector]:
    made = tuple(Task(number, state, "w", "") for number, state in enumerate(tasks))
    state = "FAILED" if "FAILED" in tasks else "RUNNING"
    return [Connector(f"{state}{n}", "sink", state, "w", "", made, {}) for n in range(count)]


def test_of_connectors_above_the_limit_those_that_failed_are_cut_last() -> None:
    seen = WorkerSeen(0, False, (*connectors(300, "RUNNING"), *connectors(1, "RUNNING", "FAILED")))
    page = ClusterPage("local", None, True, NOW, 0.1, False, (seen,))

    cut = expose([page], Limits(True, 400, ""))

    found = values(cut.text())
    assert cut.series <= 400
    assert found["kafka_connect_up{worker=0}"] == 1
    failed = "kafka_connect_connector_tasks{connector=FAILED0,state=failed,worker=0}"
    assert found[failed] == 1


@pytest.mark.parametrize("state", ["RUNNING", "FAILED"])
def test_a_fleet_of_connectors_pushes_out_no_topic_and_no_group(state: str) -> None:
    """5,000 connectors have as many series as the limit allows; what people watch stays whole."""
    watch = Watch()
    for number in range(300):
        watch.cluster.add_topic(f"topic-{number}", *(MadePartition(end=9, stamps={0: 1}),) * 3)
    topics = [TopicPartition(f"topic-{number}", 0) for number in range(100)]
    for number, place in enumerate(topics):
        watch.cluster.add_group(f"group-{number}", {place: 1}, [place])
    fleet = connectors(5_000, state, state)
    page = page_of(watch)
    with_fleet = replace(page, connect=(WorkerSeen(0, False, tuple(fleet)),))
    seconds = [time.process_time()]

    alone = expose([page], LIMITS)
    seconds.append(time.process_time())
    whole = expose([with_fleet], Limits(True, 1_000_000, ""))
    seconds.append(time.process_time())
    cut = expose([with_fleet], LIMITS)
    seconds.append(time.process_time())

    rows = [line for line in cut.text().splitlines() if "footfall_series_dropped" in line]
    told = dropped(values("\n".join(rows) + "\n"))
    assert whole.series > LIMITS.series_max >= cut.series
    assert {reason for (reason, _), number in told.items() if number} == {
        *("fork_aliases", "connectors"),
    }
    assert missing(alone, cut) == set()
    assert seconds[3] - seconds[2] < 3 * (seconds[2] - seconds[1]) + 0.1


def missing(before: Exposition, after: Exposition) -> set[str]:
    """Series of what people watch that are there before and not after."""
    watched = ("kafka_topic", "kafka_consumergroup_lag", "footfall_consumergroup", "kafka_cluster")
    lines = [line for line in before.text().splitlines() if line.startswith(watched)]
    return set(lines) - set(after.text().splitlines())


def test_of_lags_by_partition_the_oldest_of_each_group_and_topic_stays() -> None:
    """So that alerts about lag in seconds go on to see, however many partitions there are."""
    watch = Watch()
    parts = [TopicPartition("wide", number) for number in range(500)]
    stamps = [{0: NOW - 1_000 * (number % 7) - 1_000} for number in range(500)]
    watch.cluster.add_topic("wide", *(MadePartition(end=9, stamps=one) for one in stamps))
    watch.cluster.add_group("g", dict.fromkeys(parts, 0), parts)
    page = page_of(watch)
    oldest = max(lag_seconds(expose([page], Limits(False, 1_000_000, ""))))

    cut = expose([page], Limits(False, 1_000, ""))

    assert lag_seconds(cut) == [oldest]
    gone = dropped(values(cut.text()))
    assert gone["group_partitions", "footfall_consumergroup_lag_seconds"] > 30


def lag_seconds(page: Exposition) -> list[float]:
    found = values(page.text())
    return [
        one for name, one in found.items() if name.startswith("footfall_consumergroup_lag_seconds{")
    ]


def test_a_flood_in_one_family_is_cut_there_and_other_families_stay_whole() -> None:
    watch = Watch()
    for number in range(2_000):
        watch.cluster.add_topic(f"topic-{number}", MadePartition(end=number))
    place = TopicPartition("topic-0", 0)
    watch.cluster.add_group("g", {place: 0}, [place])
    page = replace(page_of(watch), jmx_names=False)

    found = values(expose([page], Limits(False, 1_000, "")).text())

    assert found["kafka_consumergroup_lag_sum{consumergroup=g,topic=topic-0}"] == 0
    assert found["footfall_consumergroup_retention_used_ratio{consumergroup=g,topic=topic-0}"] == 0
    ends = [name for name in found if name.startswith("kafka_topic_partition_current_offset")]
    leaders = [name for name in found if name.startswith("kafka_topic_partition_leader{")]
    assert 200 < len(ends) <= len(leaders) + 1
