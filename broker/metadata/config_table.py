"""Every setting of a topic and what its values may be: Kafka's names, types and defaults.

The meaning of each is told in our own words; DescribeConfigs shows it as documentation. A topic
setting that was not given a value takes that of the broker setting named beside it.
"""

from collections.abc import Mapping

from broker.config import INT64_MAX, BrokerConfig
from broker.errors import ErrorCode, KafkaError
from broker.metadata.config_definition import (
    ConfigDefinition,
    ConfigType,
    check_throttled_replicas,
)

SMALLEST_SEGMENT_BYTES = 1_048_576  # KIP-1030

_T = ConfigType
_CODECS = ("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer")

TOPIC_CONFIGS: Mapping[str, ConfigDefinition] = {
    definition.name: definition
    for definition in (
        ConfigDefinition(
            "cleanup.policy",
            _T.LIST,
            "delete",
            "What happens to old records: delete drops whole segments by age and size, compact"
            " keeps the last record of each key, both may be combined.",
            "log_cleanup_policy",
            choices=("compact", "delete"),
        ),
        ConfigDefinition(
            "compression.gzip.level",
            _T.INT,
            "-1",
            "Effort of gzip when the broker compresses; -1 is the codec's own default.",
            low=1,
            high=9,
            broker_names=("compression.gzip.level",),
            besides=-1,
        ),
        ConfigDefinition(
            "compression.lz4.level",
            _T.INT,
            "9",
            "Effort of lz4 when the broker compresses.",
            low=1,
            high=17,
            broker_names=("compression.lz4.level",),
        ),
        ConfigDefinition(
            "compression.type",
            _T.STRING,
            "producer",
            "Codec of the stored batches; producer keeps the one they were sent with.",
            "compression_type",
            choices=_CODECS,
        ),
        ConfigDefinition(
            "compression.zstd.level",
            _T.INT,
            "3",
            "Effort of zstd when the broker compresses.",
            low=-131072,
            high=22,
            broker_names=("compression.zstd.level",),
        ),
        ConfigDefinition(
            "delete.retention.ms",
            _T.LONG,
            "86400000",
            "How long tombstones of a compacted topic stay, so that slow readers still see them.",
            "log_cleaner_delete_retention_ms",
            low=0,
        ),
        ConfigDefinition(
            "file.delete.delay.ms",
            _T.LONG,
            "60000",
            "Time between taking a segment out of the log and removing its file.",
            "log_segment_delete_delay_ms",
            low=0,
        ),
        ConfigDefinition(
            "flush.messages",
            _T.LONG,
            str(INT64_MAX),
            "Sync the log after so many records, whatever acks asked for.",
            low=1,
            broker_names=("log.flush.interval.messages",),
        ),
        ConfigDefinition(
            "flush.ms",
            _T.LONG,
            str(INT64_MAX),
            "Sync the log after so many milliseconds, whatever acks asked for.",
            low=0,
            broker_names=("log.flush.interval.ms", "log.flush.scheduler.interval.ms"),
        ),
        ConfigDefinition(
            "follower.replication.throttled.replicas",
            _T.LIST,
            "",
            "Replicas whose copying is slowed down on the follower's side.",
        ),
        ConfigDefinition(
            "index.interval.bytes",
            _T.INT,
            "4096",
            "Bytes of log between two entries of the offset index.",
            "log_index_interval_bytes",
            low=0,
        ),
        ConfigDefinition(
            "leader.replication.throttled.replicas",
            _T.LIST,
            "",
            "Replicas whose copying is slowed down on the leader's side.",
        ),
        ConfigDefinition(
            "local.retention.bytes",
            _T.LONG,
            "-2",
            "Bytes kept on local disk with tiered storage; -2 takes retention.bytes.",
            low=-2,
            broker_names=("log.local.retention.bytes",),
        ),
        ConfigDefinition(
            "local.retention.ms",
            _T.LONG,
            "-2",
            "Milliseconds kept on local disk with tiered storage; -2 takes retention.ms.",
            low=-2,
            broker_names=("log.local.retention.ms",),
        ),
        ConfigDefinition(
            "max.compaction.lag.ms",
            _T.LONG,
            str(INT64_MAX),
            "Age at which a record must be compacted, however little of the log is dirty.",
            "log_cleaner_max_compaction_lag_ms",
            low=1,
        ),
        ConfigDefinition(
            "max.message.bytes",
            _T.INT,
            "1048588",
            "Largest record batch accepted, as compressed by the producer, with its 12 byte head.",
            "message_max_bytes",
            low=0,
        ),
        ConfigDefinition(
            "message.timestamp.after.max.ms",
            _T.LONG,
            "3600000",
            "How far in the future of the broker's clock a record's timestamp may lie.",
            "log_message_timestamp_after_max_ms",
            low=0,
        ),
        ConfigDefinition(
            "message.timestamp.before.max.ms",
            _T.LONG,
            str(INT64_MAX),
            "How far in the past of the broker's clock a record's timestamp may lie.",
            "log_message_timestamp_before_max_ms",
            low=0,
        ),
        ConfigDefinition(
            "message.timestamp.type",
            _T.STRING,
            "CreateTime",
            "Whose clock stamps the records: the producer's or the broker's.",
            "log_message_timestamp_type",
            choices=("CreateTime", "LogAppendTime"),
        ),
        ConfigDefinition(
            "min.cleanable.dirty.ratio",
            _T.DOUBLE,
            "0.5",
            "Share of the log that was not compacted yet before a pass of compaction is worth it.",
            "log_cleaner_min_cleanable_ratio",
            low=0,
            high=1,
        ),
        ConfigDefinition(
            "min.compaction.lag.ms",
            _T.LONG,
            "0",
            "Age below which a record is not compacted away.",
            "log_cleaner_min_compaction_lag_ms",
            low=0,
        ),
        ConfigDefinition(
            "min.insync.replicas",
            _T.INT,
            "1",
            "In-sync replicas without which a write with acks=all is refused.",
            "min_insync_replicas",
            low=1,
        ),
        ConfigDefinition(
            "preallocate",
            _T.BOOLEAN,
            "false",
            "Reserve the disk space of a segment when it is made.",
            broker_names=("log.preallocate",),
        ),
        ConfigDefinition(
            "remote.log.copy.disable",
            _T.BOOLEAN,
            "false",
            "With tiered storage: copy no further segments to the remote tier.",
        ),
        ConfigDefinition(
            "remote.log.delete.on.disable",
            _T.BOOLEAN,
            "false",
            "With tiered storage: remove remote segments when it is switched off.",
        ),
        ConfigDefinition(
            "remote.storage.enable",
            _T.BOOLEAN,
            "false",
            "Tiered storage of this topic; this broker has none, so only false is accepted.",
        ),
        ConfigDefinition(
            "retention.bytes",
            _T.LONG,
            "-1",
            "Size at which a partition loses its oldest segments; -1 sets no bound.",
            "log_retention_bytes",
            low=-1,
        ),
        ConfigDefinition(
            "retention.ms",
            _T.LONG,
            "604800000",
            "Age at which records may be deleted; -1 keeps them for ever.",
            "log_retention_ms",
            low=-1,
            broker_names=("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
        ),
        ConfigDefinition(
            "segment.bytes",
            _T.INT,
            "1073741824",
            "Size at which a segment file is closed and a new one begun.",
            "log_segment_bytes",
            low=SMALLEST_SEGMENT_BYTES,
        ),
        ConfigDefinition(
            "segment.index.bytes",
            _T.INT,
            "10485760",
            "Largest offset index of a segment.",
            "log_index_size_max_bytes",
            low=4,
        ),
        ConfigDefinition(
            "segment.jitter.ms",
            _T.LONG,
            "0",
            "Random part taken off segment.ms, so that not all segments are rolled at once.",
            low=0,
            broker_names=("log.roll.jitter.ms", "log.roll.jitter.hours"),
        ),
        ConfigDefinition(
            "segment.ms",
            _T.LONG,
            "604800000",
            "Age at which a segment file is closed although it is not full.",
            "log_roll_ms",
            low=1,
            broker_names=("log.roll.ms", "log.roll.hours"),
        ),
        ConfigDefinition(
            "unclean.leader.election.enable",
            _T.BOOLEAN,
            "false",
            "Let a replica that was not in sync lead when there is no other, at the price of loss.",
            broker_names=("unclean.leader.election.enable",),
        ),
    )
}
"""Settings of a topic by name, in Kafka's alphabetical order."""

HIDDEN_CONFIGS: Mapping[str, ConfigDefinition] = {
    "internal.segment.bytes": ConfigDefinition(
        "internal.segment.bytes",
        _T.INT,
        None,
        "Stands before segment.bytes, and may be small; for tests.",
        low=1,
    )
}
"""Settings of a topic that are told only of topics that were given them, as in Kafka."""


def definition_of(name: str) -> ConfigDefinition | None:
    """A setting of a topic; None: there is none of this name."""
    return TOPIC_CONFIGS.get(name) or HIDDEN_CONFIGS.get(name)


def check_topic_configs(values: Mapping[str, str]) -> None:
    """Raise INVALID_CONFIG when a topic cannot have these settings; names are looked at first."""
    for name in values:
        if definition_of(name) is None:
            raise KafkaError(ErrorCode.INVALID_CONFIG, f"Unknown topic config name: {name}")
    for name, value in values.items():
        _check_value(name, value)


def _check_value(name: str, value: str) -> None:
    definition = definition_of(name)
    assert definition is not None
    definition.check(value)
    if name.endswith(".replication.throttled.replicas"):
        check_throttled_replicas(name, value)
    if name == "remote.storage.enable" and value.strip().lower() == "true":
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            "Tiered Storage functionality is disabled in the broker. Topic cannot be configured"
            " with remote log storage.",
        )


def check_together(values: Mapping[str, str]) -> None:
    """Raise INVALID_CONFIG when settings of a topic contradict each other.

    `values`: all of its settings, checked one by one before.
    """
    low, high = values["min.compaction.lag.ms"], values["max.compaction.lag.ms"]
    if int(low) > int(high):
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"conflict topic config setting min.compaction.lag.ms ({low}) >"
            f" max.compaction.lag.ms ({high})",
        )


def topic_config(
    config: BrokerConfig, dynamic: Mapping[str, str], overrides: Mapping[str, str]
) -> dict[str, str]:
    """All settings of a topic: its own values over the broker's changed ones over its file's."""
    values = {
        name: overrides.get(name, definition.default_of(config, dynamic))
        for name, definition in TOPIC_CONFIGS.items()
    }
    values["segment.bytes"] = overrides.get("internal.segment.bytes", values["segment.bytes"])
    return values
