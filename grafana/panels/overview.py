"""The board "Overview": is all well, and what arrives."""

from grafana.panel import CLUSTER, Query, graph, stat

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
        "Age of the oldest waiting record, by group; the worst partition, never a mean.",
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
