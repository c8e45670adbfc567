"""The board "Pipeline": from beacons to the warehouse, and what Footfall says of itself."""

from grafana.panel import Query, graph

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
        "Failed writes",
        "Attempts a second that a sink or the broker refused; each is tried again.",
        "cps",
        Query("sum by (sink) (rate(footfall_export_failures_total[$__rate_interval]))", "{{sink}}"),
    ),
    graph(
        "Export lag",
        "Age of the oldest event that is not exported.",
        "s",
        Query("max by (sink) (footfall_export_lag_seconds)", "{{sink}}"),
    ),
    graph(
        "Writes that wait",
        "How long a write has waited for its sink, which is locked, full or silent.",
        "s",
        Query(
            "max by (sink) ((time() - footfall_export_waiting_since_timestamp_seconds)"
            " * (footfall_export_waiting_since_timestamp_seconds > bool 0))",
            "{{sink}}",
        ),
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
        "Records a second that were no events, amounts that were no money, and properties that were"
        " no values.",
        "cps",
        Query(
            "sum by (sink) (rate(footfall_export_dead_letters_total[$__rate_interval]))", "{{sink}}"
        ),
        Query(
            "sum by (sink) (rate(footfall_export_amounts_dropped_total[$__rate_interval]))",
            "amounts {{sink}}",
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
    graph(
        "Agents' calls",
        "Tools that agents called a second, and how it went.",
        "ops",
        Query(
            "sum by (tool, outcome) (rate(footfall_mcp_calls_total[$__rate_interval]))",
            "{{tool}} {{outcome}}",
        ),
    ),
)
