"""The board "Topics": what arrives, what is held, and how evenly."""

from grafana.panel import TOPIC, Query, graph

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
