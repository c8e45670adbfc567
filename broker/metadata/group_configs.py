"""Every setting of a group (resource type 32) and what its values may be: Kafka's names and bounds.

A group that was not given a value takes that of the broker setting named beside it; the broker also
says how low and how high a group may go (`group.consumer.min.session.timeout.ms` ...).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from broker.config import BrokerConfig
from broker.errors import ErrorCode, KafkaError
from broker.metadata.config_definition import ConfigDefinition, ConfigType, config_text
from broker.metadata.image import ClusterImage, ResourceType

CONSUMER_SESSION = "consumer.session.timeout.ms"
CONSUMER_HEARTBEAT = "consumer.heartbeat.interval.ms"
SHARE_SESSION = "share.session.timeout.ms"
SHARE_HEARTBEAT = "share.heartbeat.interval.ms"
SHARE_LOCK = "share.record.lock.duration.ms"
SHARE_RESET = "share.auto.offset.reset"
SHARE_ISOLATION = "share.isolation.level"
STREAMS_SESSION = "streams.session.timeout.ms"
STREAMS_HEARTBEAT = "streams.heartbeat.interval.ms"
STREAMS_STANDBYS = "streams.num.standby.replicas"
STREAMS_DELAY = "streams.initial.rebalance.delay.ms"

LATEST, EARLIEST, BY_DURATION = "latest", "earliest", "by_duration:"
READ_UNCOMMITTED, READ_COMMITTED = "read_uncommitted", "read_committed"

_ISO_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d{1,9})?)S)?)?",
    re.IGNORECASE,
)
_MILLISECONDS = {"days": 86_400_000, "hours": 3_600_000, "minutes": 60_000, "seconds": 1000}


@dataclass(frozen=True, slots=True)
class GroupSetting:
    """A setting, and the broker's fields that bound it (empty: nothing does)."""

    definition: ConfigDefinition
    low_field: str = ""
    high_field: str = ""


def _interval(name: str, documentation: str, low: int = 1) -> tuple[str, GroupSetting]:
    """A setting in milliseconds, bounded by `group.<kind>.min.<rest>` and `...max...`."""
    kind, _, rest = name.replace(".", "_").partition("_")
    definition = ConfigDefinition(
        name, ConfigType.INT, "", documentation, f"group_{kind}_{rest}", low=low
    )
    return name, GroupSetting(definition, f"group_{kind}_min_{rest}", f"group_{kind}_max_{rest}")


GROUP_CONFIGS: Mapping[str, GroupSetting] = dict(
    [
        _interval(CONSUMER_HEARTBEAT, "How often a KIP-848 member of this group sends heartbeats."),
        _interval(CONSUMER_SESSION, "A KIP-848 member that is silent for so long is dropped."),
        (
            SHARE_RESET,
            GroupSetting(
                ConfigDefinition(
                    SHARE_RESET,
                    ConfigType.STRING,
                    LATEST,
                    "Where a share group begins to read a partition: latest, earliest, or"
                    " by_duration:<ISO 8601 duration> before now.",
                )
            ),
        ),
        _interval(SHARE_HEARTBEAT, "How often a share consumer of this group sends heartbeats."),
        (
            SHARE_ISOLATION,
            GroupSetting(
                ConfigDefinition(
                    SHARE_ISOLATION,
                    ConfigType.STRING,
                    READ_UNCOMMITTED,
                    "Whether a share group also gets records of transactions that did not commit.",
                    choices=(READ_COMMITTED, READ_UNCOMMITTED),
                )
            ),
        ),
        _interval(
            SHARE_LOCK, "How long a record that was given to a share consumer is its own.", 1000
        ),
        _interval(SHARE_SESSION, "A share consumer that is silent for so long is dropped."),
        _interval(STREAMS_HEARTBEAT, "How often a Kafka Streams client sends heartbeats."),
        (
            STREAMS_DELAY,
            GroupSetting(
                ConfigDefinition(
                    STREAMS_DELAY,
                    ConfigType.INT,
                    "",
                    "How long a streams group that begins waits for more members.",
                    "group_streams_initial_rebalance_delay_ms",
                    low=0,
                )
            ),
        ),
        (
            STREAMS_STANDBYS,
            GroupSetting(
                ConfigDefinition(
                    STREAMS_STANDBYS,
                    ConfigType.INT,
                    "",
                    "How many more processes keep the state of each task up to date.",
                    "group_streams_num_standby_replicas",
                    low=0,
                ),
                high_field="group_streams_max_standby_replicas",
            ),
        ),
        _interval(STREAMS_SESSION, "A Kafka Streams client that is silent for so long is dropped."),
    ]
)
"""Settings of a group by name, in Kafka's alphabetical order."""


def check_group_config(name: str, value: str | None) -> None:
    """Raise INVALID_CONFIG when no group can have this setting or this value."""
    setting = GROUP_CONFIGS.get(name)
    if setting is None:
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"Unknown group config name: {name}")
    if value is None:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG, f"Null value not supported for group configs: {name}"
        )
    if name == SHARE_RESET:
        reset_duration_ms(value)
    else:
        setting.definition.check(value)


def reset_duration_ms(value: str) -> int | None:
    """How long before now a share group begins; None for latest and earliest.

    Raises INVALID_CONFIG.
    """
    if value in (LATEST, EARLIEST):
        return None
    text = value.removeprefix(BY_DURATION)
    match = _ISO_DURATION.fullmatch(text) if value.startswith(BY_DURATION) else None
    parts = {} if match is None else {k: v for k, v in match.groupdict().items() if v}
    if not parts:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"Invalid value {value} for configuration {SHARE_RESET}: Invalid value `{value}` for"
            f" configuration {SHARE_RESET}. The value must be either '{EARLIEST}', '{LATEST}' or of"
            f" the format '{BY_DURATION}<PnDTnHnMn.nS>'.",
        )
    return int(sum(float(count) * _MILLISECONDS[unit] for unit, count in parts.items()))


def group_config(image: ClusterImage, config: BrokerConfig, group_id: str, name: str) -> str:
    """The value that counts for this group: its own, or the broker's."""
    own = image.config_of(ResourceType.GROUP, group_id).get(name)
    return default_value(config, name) if own is None else own


def default_value(config: BrokerConfig, name: str) -> str:
    """What a group has that was not given a value of its own."""
    definition = GROUP_CONFIGS[name].definition
    if not definition.broker_field:
        assert definition.default is not None
        return definition.default
    return config_text(getattr(config, definition.broker_field))
