"""The board "Broker": how long requests take, and whom it turned away."""

from grafana.panel import CLUSTER, Query, graph

_DURATION = f"footfall_kafka_request_duration_seconds_bucket{{{CLUSTER}}}[$__rate_interval]"
ONCE = 'request!~"FetchConsumer|FetchFollower"'
"""Each fetch is counted under two names, as Kafka does it."""

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
            f"{{{CLUSTER},{ONCE}}}[$__rate_interval]))",
            "{{request}}",
        ),
    ),
    graph(
        "Where requests spend their time",
        "The 99th percentile of each part of a request's time, over the last thousand of its type:"
        " waiting for earlier requests of its connection, the handler's own work, waiting for the"
        " disk or for others (fetches wait for records there), waiting for earlier answers,"
        " being sent.",
        "ms",
        *(
            Query(
                f"kafka_network_requestmetrics_{part}timems"
                f'{{{CLUSTER},quantile="0.99",request=~"Produce|FetchConsumer"}}',
                f"{{{{request}}}}: {words}",
            )
            for part, words in (
                ("requestqueue", "queued"),
                ("local", "at work"),
                ("remote", "waiting"),
                ("responsequeue", "answer queued"),
                ("responsesend", "being sent"),
            )
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
        "Seconds of silence that quotas asked of clients, each second, by quota; and the share"
        " of time in which clients waited to be connected, because max_connections was reached.",
        "s",
        Query(
            "sum by (quota) (rate(footfall_kafka_throttle_seconds_total"
            f"{{{CLUSTER}}}[$__rate_interval]))",
            "{{quota}}",
        ),
        Query(
            "sum by (listener) (rate(footfall_kafka_accept_blocked_seconds_total"
            f"{{{CLUSTER}}}[$__rate_interval]))",
            "to be connected: {{listener}}",
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
        "Certificates",
        "Time until the certificate of each listener ends.",
        "s",
        Query(
            "min by (listener) (footfall_kafka_certificate_valid_until_timestamp_seconds"
            f"{{{CLUSTER}}}) - time()",
            "{{listener}}",
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
        "Waiting for the disk",
        "How long the write or sync has taken that a log directory's disk is at; it hangs where"
        " this grows.",
        "s",
        Query("footfall_disk_waiting_seconds", "{{path}}"),
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
