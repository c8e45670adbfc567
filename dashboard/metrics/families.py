"""Every metric family the dashboard itself exposes: name, type, labels, help. Declared only here.

Groups A and B carry Kafka exporters' names so that dashboards made for those fill; the label
kafka_cluster stands on all of them.
"""

from typing import Final, NamedTuple


class Family(NamedTuple):
    name: str
    kind: str  # gauge or counter
    labels: tuple[str, ...]
    help: str


_CLUSTER = ("kafka_cluster",)
_TOPIC = ("kafka_cluster", "topic")
_PARTITION = ("kafka_cluster", "topic", "partition")
_GROUP = ("kafka_cluster", "consumergroup")
_GROUP_TOPIC = ("kafka_cluster", "consumergroup", "topic")
_GROUP_PARTITION = ("kafka_cluster", "consumergroup", "topic", "partition")
_CONNECTOR_STATE = ("kafka_cluster", "worker", "connector", "state")
_BROKER = ("kafka_cluster", "broker_id")


def _gauge(name: str, labels: tuple[str, ...], help_text: str) -> Family:
    return Family(name, "gauge", labels, help_text)


# A: as kafka_exporter names them
BROKERS: Final = _gauge("kafka_brokers", _CLUSTER, "Brokers that the cluster knows.")
BROKER_INFO: Final = _gauge(
    "kafka_broker_info", ("kafka_cluster", "id", "address"), "One broker; always 1."
)
PARTITIONS: Final = _gauge("kafka_topic_partitions", _TOPIC, "Partitions of the topic.")
END: Final = _gauge(
    "kafka_topic_partition_current_offset", _PARTITION, "End of the log (high watermark)."
)
START: Final = _gauge("kafka_topic_partition_oldest_offset", _PARTITION, "Start of the log.")
LEADER: Final = _gauge(
    "kafka_topic_partition_leader", _PARTITION, "Broker id of the leader, -1 without one."
)
REPLICAS: Final = _gauge("kafka_topic_partition_replicas", _PARTITION, "Assigned replicas.")
IN_SYNC: Final = _gauge("kafka_topic_partition_in_sync_replica", _PARTITION, "Replicas in sync.")
PREFERRED: Final = _gauge(
    "kafka_topic_partition_leader_is_preferred", _PARTITION, "1 when the first replica leads."
)
UNDER_REPLICATED: Final = _gauge(
    "kafka_topic_partition_under_replicated_partition",
    _PARTITION,
    "1 when a replica is out of sync.",
)
COMMITTED: Final = _gauge(
    "kafka_consumergroup_current_offset", _GROUP_PARTITION, "Committed offset of the group."
)
COMMITTED_SUM: Final = _gauge(
    "kafka_consumergroup_current_offset_sum", _GROUP_TOPIC, "Committed offsets, added up."
)
LAG: Final = _gauge(
    "kafka_consumergroup_lag", _GROUP_PARTITION, "Records that wait for the group, at most."
)
LAG_SUM: Final = _gauge("kafka_consumergroup_lag_sum", _GROUP_TOPIC, "Records that wait, added up.")
MEMBERS: Final = _gauge("kafka_consumergroup_members", _GROUP, "Members of the group.")

# A': names of its forks
UNCOMMITTED: Final = _gauge(
    "kafka_consumergroup_uncommitted_offsets", _GROUP_PARTITION, "Alias of kafka_consumergroup_lag."
)
LAG_MILLIS: Final = _gauge(
    "kafka_consumer_lag_millis", _GROUP_PARTITION, "Age of the oldest waiting record, in ms."
)

# B: as JMX exporters name them, from metadata
JMX_UNDER_REPLICATED: Final = _gauge(
    "kafka_cluster_partition_underreplicated", _PARTITION, "1 when a replica is out of sync."
)
JMX_UNDER_MIN_ISR: Final = _gauge(
    "kafka_cluster_partition_underminisr",
    _PARTITION,
    "1 when fewer replicas are in sync than acks=all needs.",
)
JMX_AT_MIN_ISR: Final = _gauge(
    "kafka_cluster_partition_atminisr",
    _PARTITION,
    "1 when just as many replicas are in sync as acks=all needs.",
)
JMX_REPLICAS: Final = _gauge("kafka_cluster_partition_replicascount", _PARTITION, "Replicas.")
JMX_IN_SYNC: Final = _gauge(
    "kafka_cluster_partition_insyncreplicascount", _PARTITION, "Replicas in sync."
)
JMX_START: Final = _gauge("kafka_log_log_logstartoffset", _PARTITION, "Start of the log.")
JMX_END: Final = _gauge("kafka_log_log_logendoffset", _PARTITION, "End of the log.")
JMX_SIZE: Final = _gauge("kafka_log_log_size", _PARTITION, "Bytes of the leader's copy on disk.")
JMX_BROKER_STATE: Final = _gauge(
    "kafka_server_kafkaserver_brokerstate", _BROKER, "3 while the broker is in the metadata."
)
JMX_LEADERS: Final = _gauge(
    "kafka_server_replicamanager_leadercount", _BROKER, "Partitions that the broker leads."
)
JMX_PARTITIONS: Final = _gauge(
    "kafka_server_replicamanager_partitioncount", _BROKER, "Replicas that the broker holds."
)
JMX_BROKER_UNDER_REPLICATED: Final = _gauge(
    "kafka_server_replicamanager_underreplicatedpartitions",
    _BROKER,
    "Partitions led by the broker with a replica out of sync.",
)
JMX_BROKER_UNDER_MIN_ISR: Final = _gauge(
    "kafka_server_replicamanager_underminisrpartitioncount",
    _BROKER,
    "Partitions led by the broker that refuse acks=all.",
)
JMX_CONTROLLERS: Final = _gauge(
    "kafka_controller_kafkacontroller_activecontrollercount", _CLUSTER, "Known controllers, 0 or 1."
)
JMX_OFFLINE: Final = _gauge(
    "kafka_controller_kafkacontroller_offlinepartitionscount",
    _CLUSTER,
    "Partitions without a leader.",
)
JMX_IMBALANCE: Final = _gauge(
    "kafka_controller_kafkacontroller_preferredreplicaimbalancecount",
    _CLUSTER,
    "Partitions not led by their first replica.",
)

JMX_OFFLINE_DIRS: Final = _gauge(
    "kafka_log_logmanager_offlinelogdirectorycount", _BROKER, "Log directories that failed."
)

# Kafka Connect, named as exporters over its REST interface name it; `worker`: its place among
# connect_urls. Workers' own JMX names are others, so that nothing is added up twice.
CONNECT_UP: Final = _gauge(
    "kafka_connect_up", ("kafka_cluster", "worker"), "1 while the Connect worker answers."
)
CONNECTOR_STATE: Final = _gauge(
    "kafka_connect_connector_state",
    _CONNECTOR_STATE,
    "1 on the state of the connector, as its worker told it last.",
)
CONNECTOR_TASKS: Final = _gauge(
    "kafka_connect_connector_tasks",
    _CONNECTOR_STATE,
    "Tasks of the connector: running, failed, and in other states where there are any.",
)

# D: ours
LAG_SECONDS: Final = _gauge(
    "footfall_consumergroup_lag_seconds",
    _GROUP_PARTITION,
    "Age of the oldest waiting record for the group.",
)
GROUP_STATE: Final = _gauge(
    "footfall_consumergroup_state",
    ("kafka_cluster", "consumergroup", "state"),
    "Verdict on the group: 1 on one state, 0 on the others.",
)
RETENTION_USED: Final = _gauge(
    "footfall_consumergroup_retention_used_ratio",
    _GROUP_TOPIC,
    "Share of the log that waits, worst partition; at 1 unread records are deleted next.",
)
LOST: Final = Family(
    "footfall_consumergroup_lost_records_total",
    "counter",
    _GROUP_TOPIC,
    "Records deleted before the group read them, since the dashboard watches.",
)
UNCOMMITTED_PARTITIONS: Final = _gauge(
    "footfall_consumergroup_uncommitted_partitions", _GROUP_TOPIC, "Partitions without a commit."
)
SHARE_MEMBERS: Final = _gauge(
    "footfall_sharegroup_members", ("kafka_cluster", "sharegroup"), "Members of a share group."
)
SHARE_LAG: Final = _gauge(
    "footfall_sharegroup_lag",
    ("kafka_cluster", "sharegroup", "topic"),
    "Records that a share group is not done with; no series where its coordinator tells none.",
)
COLLECTOR_UP: Final = _gauge(
    "footfall_collector_up", _CLUSTER, "1 while the cluster answers the dashboard."
)
COLLECTOR_LAST: Final = _gauge(
    "footfall_collector_last_success_timestamp_seconds", _CLUSTER, "When it last answered."
)
COLLECTOR_DURATION: Final = _gauge(
    "footfall_collector_duration_seconds", _CLUSTER, "How long the last full look took."
)
SERIES_DROPPED: Final = _gauge(
    "footfall_series_dropped",
    ("reason", "family"),
    "Series left out to stay below metrics_max_series; without a family: nothing, or of roles.",
)
DISK_FREE: Final = _gauge(
    "footfall_disk_free_bytes",
    ("path",),
    "Free bytes of a file system: of the data directory, or of log directories elsewhere.",
)
DISK_TOTAL: Final = _gauge("footfall_disk_total_bytes", ("path",), "Size of that file system.")
ROLE_UP: Final = _gauge("footfall_role_up", ("role",), "1 when the role's metrics were gathered.")
ALERTS: Final = _gauge(
    "footfall_alerts", ("severity", "state"), "Alerts of the dashboard's own rules now."
)
SITE_VISITORS: Final = _gauge(
    "footfall_site_visitors_last_hour",
    ("site",),
    "Visitors of a site in the last hour; of the 100 sites with most page views.",
)
SITE_VISITORS_BEFORE: Final = _gauge(
    "footfall_site_visitors_week_before",
    ("site",),
    "Visitors of a site in that hour a week before; none of a site that was not there then.",
)
AGENT_CALLS: Final = Family(
    "footfall_mcp_calls_total",
    "counter",
    ("tool", "outcome"),
    "Tools that agents called at /mcp, by outcome: done, refused, failed.",
)
LETTERS: Final = Family(
    "footfall_weekly_letters_total",
    "counter",
    ("way", "outcome"),
    "Letters about the week by way (mail, chat) and outcome: sent, failed.",
)
LDAP_SIGN_INS: Final = Family(
    "footfall_ldap_sign_ins_total",
    "counter",
    ("outcome",),
    "Sign-ins that the directory was asked about, by outcome: done, wrong, no_role, away.",
)
OIDC_SIGN_INS: Final = Family(
    "footfall_oidc_sign_ins_total",
    "counter",
    ("outcome",),
    "Sign-ins that the provider was asked about, by outcome: done, refused, away.",
)
BUILD_INFO: Final = _gauge(
    "footfall_build_info",
    ("version", "commit"),
    "What runs here, always 1; commit is unknown for a package that was built from files.",
)

ALL: Final = tuple(value for value in list(globals().values()) if isinstance(value, Family))
BY_NAME: Final = {family.name: family for family in ALL}
