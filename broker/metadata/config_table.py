"""Every setting of a topic and what its values may be: Kafka's names, types and defaults.

The meaning of each is told in our own words; DescribeConfigs shows it as documentation. A topic
setting that was not given a value takes that of the broker setting named beside it.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from broker.config import INT32_MAX, INT64_MAX, BrokerConfig
from broker.errors import ErrorCode, KafkaError


class ConfigType(IntEnum):
    """Kafka's numbers in DescribeConfigs v3."""

    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


@dataclass(frozen=True, slots=True)
class ConfigDefinition:
    """One setting. `broker_field` names the field of BrokerConfig that holds its default."""

    name: str
    type: ConfigType
    default: str
    documentation: str
    broker_field: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def broker_name(self) -> str:
        """Kafka's name of the broker setting with the default; "" when there is none."""
        return self.broker_field.replace("_", ".")

    def default_of(self, config: BrokerConfig, dynamic: Mapping[str, str]) -> str:
        """The value of a topic that has none of its own; `dynamic`: broker settings by name."""
        if not self.broker_field:
            return self.default
        changed = dynamic.get(self.broker_name)
        return config_text(getattr(config, self.broker_field)) if changed is None else changed

    def check(self, value: str) -> None:
        """Raise INVALID_CONFIG when `value` cannot be a value of this setting."""
        if self.type in (ConfigType.INT, ConfigType.LONG, ConfigType.SHORT):
            self._check_bounds(value, self._number(value, int))
        elif self.type is ConfigType.DOUBLE:
            self._check_bounds(value, self._number(value, float))
        elif self.type is ConfigType.BOOLEAN:
            if value.lower() not in ("true", "false"):
                raise self._refused(value, "Expected value to be either true or false")
        elif self.type is ConfigType.LIST:
            for item in split_list(value):
                self._check_choice(item)
        else:
            self._check_choice(value)

    def _number(self, value: str, kind: Callable[[str], float]) -> float:
        try:
            return kind(value.strip())
        except ValueError:
            raise self._refused(value, f"Not a number of type {self.type.name}") from None

    def _check_bounds(self, value: str, number: float) -> None:
        low = self.low
        high = self.high
        if self.type is ConfigType.INT:
            high = INT32_MAX if high is None else high
        elif self.type is ConfigType.LONG:
            high = INT64_MAX if high is None else high
        if low is not None and number < low:
            raise self._refused(value, f"Value must be at least {low}")
        if high is not None and number > high:
            raise self._refused(value, f"Value must be no more than {high}")

    def _check_choice(self, value: str) -> None:
        if self.choices and value not in self.choices:
            raise self._refused(value, f"String must be one of: {', '.join(self.choices)}")

    def _refused(self, value: str, reason: str) -> KafkaError:
        return KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"Invalid value {value} for configuration {self.name}: {reason}",
        )


def config_text(value: object) -> str:
    """A setting as Kafka writes it: lower-case booleans, lists with commas."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    return str(value)


def split_list(value: str) -> list[str]:
    """The items of a list setting."""
    return [item.strip() for item in value.split(",") if item.strip()]


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
            low=-1,
            high=9,
        ),
        ConfigDefinition(
            "compression.lz4.level",
            _T.INT,
            "9",
            "Effort of lz4 when the broker compresses.",
            low=1,
            high=17,
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
        ),
        ConfigDefinition(
            "flush.ms",
            _T.LONG,
            str(INT64_MAX),
            "Sync the log after so many milliseconds, whatever acks asked for.",
            low=0,
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
        ),
        ConfigDefinition(
            "local.retention.ms",
            _T.LONG,
            "-2",
            "Milliseconds kept on local disk with tiered storage; -2 takes retention.ms.",
            low=-2,
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
        ),
        ConfigDefinition(
            "segment.bytes",
            _T.INT,
            "1073741824",
            "Size at which a segment file is closed and a new one begun.",
            "log_segment_bytes",
            low=14,
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
        ),
        ConfigDefinition(
            "segment.ms",
            _T.LONG,
            "604800000",
            "Age at which a segment file is closed although it is not full.",
            "log_roll_ms",
            low=1,
        ),
        ConfigDefinition(
            "unclean.leader.election.enable",
            _T.BOOLEAN,
            "false",
            "Let a replica that was not in sync lead when there is no other, at the price of loss.",
        ),
    )
}
"""Settings of a topic by name, in Kafka's alphabetical order."""


def check_topic_config(name: str, value: str | None) -> None:
    """Raise INVALID_CONFIG when a topic cannot have this setting or this value."""
    definition = TOPIC_CONFIGS.get(name)
    if definition is None:
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"Unknown topic config name: {name}")
    if value is None:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG, f"Null value not supported for topic configs: {name}"
        )
    definition.check(value)
    if name == "remote.storage.enable" and value.lower() == "true":
        raise KafkaError(ErrorCode.INVALID_CONFIG, "Tiered storage is not available on this broker")


def topic_config(
    config: BrokerConfig, dynamic: Mapping[str, str], overrides: Mapping[str, str]
) -> dict[str, str]:
    """All settings of a topic: its own values over the broker's changed ones over its file's."""
    return {
        name: overrides.get(name, definition.default_of(config, dynamic))
        for name, definition in TOPIC_CONFIGS.items()
    }


DYNAMIC_BROKER_CONFIGS: Mapping[str, ConfigDefinition] = {
    definition.broker_name: definition
    for definition in TOPIC_CONFIGS.values()
    if definition.broker_field
}
"""Broker settings that can be changed while it runs: the defaults of topic settings."""


def check_broker_config(name: str, value: str | None) -> None:
    """Raise when a broker setting cannot be changed while it runs, or not to this value."""
    definition = DYNAMIC_BROKER_CONFIGS.get(name)
    if definition is None:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"Cannot update these configs dynamically: Set({name})"
        )
    if value is None:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Null value not supported for configs: {name}")
    definition.check(value)


SECRET_SUFFIXES = ("_secret_key", "_password", "_passwords")
"""Broker settings whose values nobody is told."""


def broker_config_definitions() -> list[ConfigDefinition]:
    """Every setting of the broker under Kafka's name, from its own dataclass, by name."""
    kinds = {"bool": _T.BOOLEAN, "int": _T.LONG, "float": _T.DOUBLE, "str": _T.STRING}
    definitions = [
        ConfigDefinition(
            name=field.name.replace("_", "."),
            type=_T.PASSWORD
            if field.name.endswith(SECRET_SUFFIXES)
            else kinds.get(getattr(field.type, "__name__", ""), _T.LIST),
            default=config_text(field.default),
            documentation=field.metadata["help"],
            broker_field=field.name,
        )
        for field in dataclasses.fields(BrokerConfig)
    ]
    return sorted(definitions, key=lambda definition: definition.name)
