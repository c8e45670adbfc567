"""Settings of the dashboard: the [dashboard] section of footfall.toml."""

from dataclasses import dataclass

from footfall.settings import setting

DEFAULT_ROLES = (
    "broker=http://127.0.0.1:9101/metrics",
    "ingest=http://127.0.0.1:9102/metrics",
    "aggregate=http://127.0.0.1:9103/metrics",
    "export=http://127.0.0.1:9104/metrics",
)


@dataclass(frozen=True, slots=True)
class DashboardConfig:
    """[dashboard]: pages, metrics and how clusters are watched."""

    host: str = setting("127.0.0.1", "address to listen on")
    port: int = setting(8080, "port to listen on; 0: any free one", low=0, high=65535)
    cluster_name: str = setting("local", "name of the cluster that [kafka] points to")
    clusters: tuple[str, ...] = setting(
        (), "further clusters to watch, each NAME=HOST:PORT;HOST:PORT, plaintext"
    )
    bundled_broker: bool = setting(
        True, "the cluster of [kafka] is our own broker: watched closely, all metric names"
    )
    poll_interval_s: float = setting(
        5.0, "seconds between looks at a bundled broker", low=1, high=300
    )
    external_poll_interval_s: float = setting(
        15.0, "seconds between looks at any other cluster", low=1, high=300
    )
    poll_timeout_s: float = setting(5.0, "longest a look may take", low=0.5, high=120)
    lag_target_s: float = setting(
        60.0, "a group further behind than this, and falling, is SLOW", low=1
    )
    readonly: bool = setting(False, "refuse every action that changes a cluster")
    messages: bool = setting(True, "let people look into messages")
    environment: str = setting("", "a word such as PROD, shown in a coloured bar on every page")
    grafana_url: str = setting("", "where Grafana is, for links; empty: no links")
    tracker_url: str = setting(
        "http://127.0.0.1:8090", "where browsers reach the tracker, for the snippet to paste"
    )
    role_metrics: tuple[str, ...] = setting(
        DEFAULT_ROLES, "ROLE=URL of each role whose metrics are gathered under /metrics"
    )
    metrics_fork_aliases: bool = setting(
        True, "also the names of kafka_exporter's forks, two series a group and partition"
    )
    metrics_jmx_names: str = setting(
        "auto",
        "also names of JMX exporters; auto: for the bundled broker only",
        choices=("auto", "on", "off"),
    )
    metrics_max_series: int = setting(
        20_000, "above it aliases, JMX names, then series by group and partition go", low=100
    )
    metrics_exclude_groups: str = setting(
        "^(console-consumer-|.*-[0-9a-f]{8}-[0-9a-f-]{27}$)",
        "groups left out of metrics, a regular expression (RE2)",
    )
