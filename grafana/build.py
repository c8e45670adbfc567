"""Builds Footfall's Grafana boards into grafana/dashboards/footfall/*.json.

`python grafana/build.py` writes them; tests/grafana compares them with what is committed. Every
panel names its unit and says in a sentence what it shows; counters stand only inside rate().
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import dashboard as d
from grafana_foundation_sdk.builders import prometheus as p
from grafana_foundation_sdk.builders import stat as s
from grafana_foundation_sdk.builders import table as t
from grafana_foundation_sdk.builders import timeseries as ts
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

OUT = Path(__file__).parent / "dashboards" / "footfall"
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
CLUSTER = 'kafka_cluster=~"$cluster"'
GROUP = f'{CLUSTER},consumergroup=~"$group"'
TOPIC = f'{CLUSTER},topic=~"$topic"'


@dataclass(frozen=True)
class Query:
    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One panel: what it is called, what it says, in which unit, from which queries."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: str = "graph"  # graph, stat or table
    width: int = 12
    height: int = 8


def stat(title: str, description: str, unit: str, expr: str) -> Panel:
    return Panel(title, description, unit, (Query(expr),), "stat", 4, 4)


def graph(title: str, description: str, unit: str, *queries: Query, width: int = 12) -> Panel:
    return Panel(title, description, unit, queries, "graph", width)


OVERVIEW = (
    stat(
        "Broker answers",
        "1 while the cluster answers the dashboard.",
        "bool_yes_no",
        f"min(footfall_collector_up{{{CLUSTER}}})",
    ),
    stat(
        "Worst lag",
        "Age of the oldest record that any group has not read.",
        "s",
        f"max(footfall_consumergroup_lag_seconds{{{CLUSTER}}})",
    ),
    stat(
        "Partitions offline",
        "Partitions without a leader: nobody reads or writes there.",
        "short",
        f"sum(kafka_topic_partition_leader{{{CLUSTER}}} == bool -1)",
    ),
    stat(
        "Under min ISR",
        "Partitions that refuse acks=all.",
        "short",
        f"sum(kafka_cluster_partition_underminisr{{{CLUSTER}}})",
    ),
    stat(
        "Retention used",
        "Share of the log that waits for the slowest group; at 1 unread records are deleted.",
        "percentunit",
        f"max(footfall_consumergroup_retention_used_ratio{{{CLUSTER}}})",
    ),
    stat(
        "Export age",
        "Time since the warehouse was last written.",
        "s",
        "time() - min(footfall_export_last_success_timestamp_seconds > 0)",
    ),
    graph(
        "Records arriving",
        "Records appended a second, by topic.",
        "cps",
        Query(
            "sum by (topic) (rate(kafka_topic_partition_current_offset"
            f'{{{CLUSTER},topic!~"__.*"}}[$__rate_interval]))',
            "{{topic}}",
        ),
    ),
    graph(
        "Time lag",
        "Age of the oldest record that waits, by group; the worst partition, never a mean.",
        "s",
        Query(
            f"max by (consumergroup) (footfall_consumergroup_lag_seconds{{{CLUSTER}}})",
            "{{consumergroup}}",
        ),
    ),
    graph(
        "Beacons",
        "Beacons answered a second, accepted and rejected.",
        "reqps",
        Query("sum by (outcome) (rate(footfall_beacons_total[$__rate_interval]))", "{{outcome}}"),
    ),
    graph(
        "Disk",
        "Free bytes of the file system of the data directory.",
        "bytes",
        Query("footfall_disk_free_bytes", "free of {{path}}"),
        Query("footfall_disk_total_bytes", "size of {{path}}"),
    ),
)

CONSUMERS = (
    graph(
        "Time lag",
        "Age of the oldest record that waits, worst partition of each group.",
        "s",
        Query(
            f"max by (consumergroup) (footfall_consumergroup_lag_seconds{{{GROUP}}})",
            "{{consumergroup}}",
        ),
        width=24,
    ),
    graph(
        "Records waiting",
        "Records that wait, by group and topic.",
        "short",
        Query(
            f"sum by (consumergroup, topic) (kafka_consumergroup_lag_sum{{{GROUP}}})",
            "{{consumergroup}} on {{topic}}",
        ),
    ),
    graph(
        "Consumption",
        "Committed records a second.",
        "cps",
        Query(
            "sum by (consumergroup) (rate(kafka_consumergroup_current_offset"
            f"{{{GROUP}}}[$__rate_interval]))",
            "{{consumergroup}}",
        ),
    ),
    graph(
        "Verdict",
        "1 on the state that the dashboard gives each group.",
        "short",
        Query(
            f"footfall_consumergroup_state{{{GROUP}}} == 1",
            "{{consumergroup}} {{state}}",
        ),
    ),
    graph(
        "Retention used",
        "Share of the log that waits; at 1 unread records are deleted next.",
        "percentunit",
        Query(
            f"max by (consumergroup) (footfall_consumergroup_retention_used_ratio{{{GROUP}}})",
            "{{consumergroup}}",
        ),
    ),
    graph(
        "Members",
        "Members of each group.",
        "short",
        Query(
            f"sum by (consumergroup) (kafka_consumergroup_members{{{GROUP}}})", "{{consumergroup}}"
        ),
    ),
    Panel(
        "Lag by partition",
        "Age of the oldest record that waits, each partition now.",
        "s",
        (Query(f"footfall_consumergroup_lag_seconds{{{GROUP}}}"),),
        "table",
        12,
    ),
)

TOPICS = (
    graph(
        "Records arriving",
        "Records appended a second.",
        "cps",
        Query(
            "sum by (topic) (rate(kafka_topic_partition_current_offset"
            f"{{{TOPIC}}}[$__rate_interval]))",
            "{{topic}}",
        ),
        width=24,
    ),
    graph(
        "Records held",
        "Offsets between start and end of the log: records, at most.",
        "short",
        Query(
            f"sum by (topic) (kafka_topic_partition_current_offset{{{TOPIC}}} - "
            f"kafka_topic_partition_oldest_offset{{{TOPIC}}})",
            "{{topic}}",
        ),
    ),
    graph(
        "Skew",
        "End offset of the fullest partition against the mean; 1 is even.",
        "short",
        Query(
            f"max by (topic) (kafka_topic_partition_current_offset{{{TOPIC}}}) / "
            f"(avg by (topic) (kafka_topic_partition_current_offset{{{TOPIC}}}) > 0)",
            "{{topic}}",
        ),
    ),
    graph(
        "Partitions",
        "Partitions of each topic.",
        "short",
        Query(f"sum by (topic) (kafka_topic_partitions{{{TOPIC}}})", "{{topic}}"),
    ),
    graph(
        "Replicas out of sync",
        "Partitions with a replica out of sync.",
        "short",
        Query(
            f"sum by (topic) (kafka_topic_partition_under_replicated_partition{{{TOPIC}}})",
            "{{topic}}",
        ),
    ),
)

_DURATION = f"footfall_kafka_request_duration_seconds_bucket{{{CLUSTER}}}[$__rate_interval]"

BROKER = (
    graph(
        "Request time, p50",
        "Half of the requests of each kind are answered faster.",
        "s",
        Query(f"histogram_quantile(0.5, sum by (le, api) (rate({_DURATION})))", "{{api}}"),
    ),
    graph(
        "Request time, p99",
        "One request of each kind in a hundred takes longer.",
        "s",
        Query(f"histogram_quantile(0.99, sum by (le, api) (rate({_DURATION})))", "{{api}}"),
    ),
    graph(
        "Requests",
        "Requests answered a second.",
        "reqps",
        Query(
            "sum by (request) (rate(kafka_network_requestmetrics_requests_total"
            f"{{{CLUSTER}}}[$__rate_interval]))",
            "{{request}}",
        ),
    ),
    graph(
        "Connections",
        "Open connections of clients.",
        "short",
        Query(
            f"sum by (listener) (kafka_server_socket_server_metrics_connection_count{{{CLUSTER}}})",
            "{{listener}}",
        ),
    ),
    graph(
        "Memory",
        "Resident memory of each role.",
        "bytes",
        Query("process_resident_memory_bytes", "{{role}}"),
    ),
    graph(
        "Processor",
        "Share of one core that each role uses.",
        "percentunit",
        Query("rate(process_cpu_seconds_total[$__rate_interval])", "{{role}}"),
    ),
)

_E2E = "footfall_event_e2e_latency_seconds_bucket[$__rate_interval]"

PIPELINE = (
    graph(
        "Beacons by reason",
        "Beacons a second by what became of them.",
        "reqps",
        Query(
            "sum by (outcome, reason) (rate(footfall_beacons_total[$__rate_interval]))",
            "{{outcome}} {{reason}}",
        ),
    ),
    graph(
        "Beacon answers, p99",
        "How long a beacon waits for its answer.",
        "s",
        Query(
            "histogram_quantile(0.99, sum by (le, outcome) "
            "(rate(footfall_beacon_request_duration_seconds_bucket[$__rate_interval])))",
            "{{outcome}}",
        ),
    ),
    graph(
        "Age of events, p99",
        "How old events are when they are in the log, counted, in the warehouse.",
        "s",
        Query(f"histogram_quantile(0.99, sum by (le, stage) (rate({_E2E})))", "{{stage}}"),
    ),
    graph(
        "Export",
        "Rows written a second, by sink.",
        "rowsps",
        Query("sum by (sink) (rate(footfall_export_rows_total[$__rate_interval]))", "{{sink}}"),
    ),
    graph(
        "Export lag",
        "Age of the oldest event that is not exported.",
        "s",
        Query("max by (sink) (footfall_export_lag_seconds)", "{{sink}}"),
    ),
    graph(
        "Roles",
        "1 while a role's metrics are gathered.",
        "short",
        Query("min by (role) (footfall_role_up)", "{{role}}"),
    ),
)

BOARDS = (
    ("1-overview", "Overview", "footfall-over", OVERVIEW, ()),
    ("2-consumers", "Consumers", "footfall-group", CONSUMERS, ("group",)),
    ("3-topics", "Topics", "footfall-topic", TOPICS, ("topic",)),
    ("4-broker", "Broker", "footfall-broker", BROKER, ()),
    ("5-pipeline", "Pipeline", "footfall-pipe", PIPELINE, ()),
)

VARIABLES = {
    "group": ("Group", f"label_values(kafka_consumergroup_members{{{CLUSTER}}}, consumergroup)"),
    "topic": ("Topic", f"label_values(kafka_topic_partitions{{{CLUSTER}}}, topic)"),
}


def variable(name: str, label: str, query: str) -> Any:
    return (
        d.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
    )


def panel(described: Panel) -> Any:
    builders: dict[str, Any] = {"graph": ts.Panel, "stat": s.Panel, "table": t.Panel}
    built = (
        builders[described.kind]()
        .title(described.title)
        .description(described.description)
        .unit(described.unit)
        .datasource(SOURCE)
        .span(described.width)
        .height(described.height)
    )
    if described.kind == "graph":
        built = built.min(0)
    for letter, query in zip("ABCDEF", described.queries, strict=False):
        target = p.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(letter)
        if described.kind == "table":
            target = target.instant().format(PromQueryFormat.TABLE)
        built = built.with_target(target)
    return built


def board(title: str, uid: str, panels: Sequence[Panel], variables: Sequence[str]) -> str:
    """The board as JSON, keys sorted, so that a diff shows only what changed."""
    built = (
        d.Dashboard(f"Footfall / {title}")
        .uid(uid)
        .tags(["footfall"])
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("utc")
        .readonly()
        .link(
            d.DashboardLink("Footfall")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["footfall"])
            .include_vars(True)
            .keep_time(True)
        )
        .with_variable(d.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(
            variable("cluster", "Cluster", "label_values(footfall_collector_up, kafka_cluster)")
        )
    )
    for name in variables:
        built = built.with_variable(variable(name, *VARIABLES[name]))
    for described in panels:
        built = built.with_panel(panel(described))
    document = json.loads(JSONEncoder(sort_keys=True).encode(built.build()))
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def boards() -> dict[str, str]:
    """File name and content of each board."""
    return {
        f"{name}.json": board(title, uid, panels, variables)
        for name, title, uid, panels, variables in BOARDS
    }


def main() -> int:
    """Write all boards."""
    OUT.mkdir(parents=True, exist_ok=True)
    for name, text in boards().items():
        (OUT / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
