"""The board "Consumers": who is behind, by how much, and why."""

from grafana.panel import CLUSTER, GROUP, Panel, Query, graph

CONSUMERS = (
    graph(
        "Time lag",
        "Age of the oldest waiting record, worst partition of each group.",
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
    graph(
        "Share groups: records waiting",
        "Records that a share group is not done with, those in its members' hands included.",
        "short",
        Query(
            f"sum by (sharegroup, topic) (footfall_sharegroup_lag{{{CLUSTER}}})",
            "{{sharegroup}} on {{topic}}",
        ),
    ),
    graph(
        "Share groups: members",
        "Members of each share group.",
        "short",
        Query(f"sum by (sharegroup) (footfall_sharegroup_members{{{CLUSTER}}})", "{{sharegroup}}"),
    ),
    graph(
        "Kafka Connect: connectors and tasks that failed",
        "Failed tasks of each connector; in all, connectors that failed whole.",
        "short",
        Query(
            "sum by (worker, connector) "
            f'(kafka_connect_connector_tasks{{{CLUSTER},state="failed"}})',
            "{{connector}}",
        ),
        Query(
            f'count(kafka_connect_connector_state{{{CLUSTER},state="failed"}}) '
            f"or 0 * count(kafka_connect_connector_state{{{CLUSTER}}})",
            "connectors, whole",
        ),
    ),
    graph(
        "Kafka Connect: workers that answer",
        "1 while the worker answers the dashboard, by its place among connect_urls.",
        "short",
        Query(
            f"min by (kafka_cluster, worker) (kafka_connect_up{{{CLUSTER}}})",
            "{{kafka_cluster}} {{worker}}",
        ),
    ),
    Panel(
        "Lag by partition",
        "Age of the oldest waiting record, each partition now.",
        "s",
        (Query(f"footfall_consumergroup_lag_seconds{{{GROUP}}}"),),
        "table",
        12,
    ),
)
