"""What Footfall's Grafana boards show: each panel, its sentence, its unit and its queries.

`build.py` makes boards of them. Counters stand only inside rate(), and every query names a metric
that some role declares: tests/grafana and tests/house say so.
"""

from dataclasses import dataclass

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
    return Panel(title, description, unit, (Query(expr),), "stat", 3, 4)


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
        "Alerts firing",
        "Of the dashboard's own rules, without the silenced ones.",
        "short",
        'sum(footfall_alerts{state="firing"})',
    ),
    stat(
        "Probe, p99",
        "A record written and read again, every second.",
        "s",
        "histogram_quantile(0.99, sum by (le) "
        "(rate(footfall_probe_roundtrip_seconds_bucket[$__rate_interval])))",
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
        "Clients told to be quiet",
        "Seconds of silence that quotas asked of clients, each second, by kind of quota.",
        "s",
        Query(
            "sum by (quota) (rate(footfall_kafka_throttle_seconds_total"
            f"{{{CLUSTER}}}[$__rate_interval]))",
            "{{quota}}",
        ),
    ),
    graph(
        "Clients turned away",
        "Connections a second that were refused or ended by the broker, and answers with a quota.",
        "cps",
        Query(
            "sum by (reason) (rate(footfall_kafka_connections_refused_total"
            f"{{{CLUSTER}}}[$__rate_interval]))",
            "refused: {{reason}}",
        ),
        Query(
            f"sum(rate(footfall_kafka_protocol_errors_total{{{CLUSTER}}}[$__rate_interval]))",
            "not Kafka's protocol",
        ),
        Query(
            f"sum(rate(footfall_kafka_connections_idle_closed_total{{{CLUSTER}}}[$__rate_interval]))",
            "idle",
        ),
        Query(
            f"sum(rate(footfall_kafka_connection_failures_total{{{CLUSTER}}}[$__rate_interval]))",
            "our own errors",
        ),
        Query(
            f"sum by (quota) (rate(footfall_kafka_throttles_total{{{CLUSTER}}}[$__rate_interval]))",
            "quota: {{quota}}",
        ),
    ),
    graph(
        "Syncs of the log, p99",
        "How long the disk takes to make a group of appends safe.",
        "s",
        Query(
            "histogram_quantile(0.99, sum by (le) "
            "(rate(footfall_log_fsync_duration_seconds_bucket[$__rate_interval])))",
            "p99",
        ),
    ),
    graph(
        "Rebalances",
        "New generations of groups a second, by protocol.",
        "cps",
        Query(
            "sum by (protocol) (rate(kafka_server_group_coordinator_metrics_rebalance_count_total"
            f"{{{CLUSTER}}}[$__rate_interval]))",
            "{{protocol}}",
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
        "Events that wait",
        "Events without the broker's acknowledgement, and how many may wait.",
        "short",
        Query("sum(footfall_beacon_queue_depth)", "waiting"),
        Query("sum(footfall_beacon_queue_capacity)", "bound"),
    ),
    graph(
        "Endpoint ready",
        "1 while an event posted now would be stored.",
        "short",
        Query("min(footfall_beacon_ready)", "ready"),
    ),
    graph(
        "Flushes to sinks, p99",
        "How long one transaction of a sink takes.",
        "s",
        Query(
            "histogram_quantile(0.99, sum by (le, sink) "
            "(rate(footfall_export_batch_duration_seconds_bucket[$__rate_interval])))",
            "{{sink}}",
        ),
    ),
    graph(
        "Left out",
        "Records a second that were no events, by sink, and properties that were no values.",
        "cps",
        Query(
            "sum by (sink) (rate(footfall_export_dead_letters_total[$__rate_interval]))", "{{sink}}"
        ),
        Query("sum(rate(footfall_beacon_props_dropped_total[$__rate_interval]))", "properties"),
    ),
    graph(
        "Roles",
        "1 while a role's metrics are gathered.",
        "short",
        Query("min by (role) (footfall_role_up)", "{{role}}"),
    ),
    graph(
        "Alerts",
        "Alerts of the dashboard's own rules, by what they are.",
        "short",
        Query("sum by (severity, state) (footfall_alerts)", "{{severity}} {{state}}"),
    ),
    graph(
        "Probe, p99",
        "A record a second: until it is acknowledged on disk, and until it is read again.",
        "s",
        Query(
            "histogram_quantile(0.99, sum by (le) "
            "(rate(footfall_probe_ack_seconds_bucket[$__rate_interval])))",
            "acknowledged",
        ),
        Query(
            "histogram_quantile(0.99, sum by (le) "
            "(rate(footfall_probe_roundtrip_seconds_bucket[$__rate_interval])))",
            "there and back",
        ),
    ),
    graph(
        "Probe records",
        "Records a second that were sent, lost (acknowledged and never read), and not taken.",
        "ops",
        Query("sum(rate(footfall_probe_sent_total[$__rate_interval]))", "sent"),
        Query("sum(rate(footfall_probe_lost_total[$__rate_interval]))", "lost"),
        Query("sum(rate(footfall_probe_failures_total[$__rate_interval]))", "not taken"),
    ),
)
