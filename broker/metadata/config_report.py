"""Settings as DescribeConfigs tells them: value, where it comes from, and what it stands before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import dropwhile

from broker.config import BrokerConfig
from broker.metadata.broker_config_table import HIDDEN
from broker.metadata.broker_configs import (
    BROKER_CONFIGS,
    chain_of,
    definition_of,
    is_dynamic,
    static_values,
)
from broker.metadata.client_metrics_configs import CLIENT_METRICS_CONFIGS
from broker.metadata.config_definition import ConfigDefinition, ConfigType
from broker.metadata.config_table import HIDDEN_CONFIGS, TOPIC_CONFIGS
from broker.metadata.group_configs import GROUP_CONFIGS, default_value
from broker.metadata.image import ClusterImage, ResourceType
from broker.metadata.listener_configs import setting_of_listener, settings_in_file


class ConfigSource(IntEnum):
    """Kafka's numbers of where a value comes from; smaller wins."""

    DYNAMIC_TOPIC = 1
    DYNAMIC_BROKER = 2
    DYNAMIC_DEFAULT_BROKER = 3
    STATIC_BROKER = 4
    DEFAULT = 5
    DYNAMIC_BROKER_LOGGER = 6
    DYNAMIC_CLIENT_METRICS = 7
    DYNAMIC_GROUP = 8


@dataclass(frozen=True, slots=True)
class Synonym:
    """A value that counts, or would count if those before it were taken away."""

    name: str
    value: str
    source: ConfigSource


@dataclass(frozen=True, slots=True)
class ReportedConfig:
    """One setting of a resource. No synonyms: the value comes from nowhere else."""

    definition: ConfigDefinition
    name: str
    read_only: bool
    synonyms: tuple[Synonym, ...]

    @property
    def value(self) -> str | None:
        return self.synonyms[0].value if self.synonyms else self.definition.default

    @property
    def source(self) -> ConfigSource:
        return self.synonyms[0].source if self.synonyms else ConfigSource.DEFAULT


class Synonyms:
    """Finds the values that broker settings have, on each level of precedence."""

    def __init__(
        self, image: ClusterImage, config: BrokerConfig, place: Mapping[str, str] | None = None
    ) -> None:
        """`place`: settings that only the running broker knows, such as its listeners."""
        defaults = {
            name: definition.default
            for name, definition in BROKER_CONFIGS.items()
            if definition.default is not None
        }
        self.own = image.config_of(ResourceType.BROKER, str(config.node_id))
        self.shared = image.config_of(ResourceType.BROKER, "")
        self.of_listeners = settings_in_file(config.listener_settings)
        self._levels: tuple[tuple[Mapping[str, str], ConfigSource], ...] = (
            (self.own, ConfigSource.DYNAMIC_BROKER),
            (self.shared, ConfigSource.DYNAMIC_DEFAULT_BROKER),
            (
                {**self.of_listeners, **static_values(config, place or {})},
                ConfigSource.STATIC_BROKER,
            ),
            (defaults, ConfigSource.DEFAULT),
        )

    def of(self, chain: Sequence[str]) -> tuple[Synonym, ...]:
        """The values of a chain of settings, winner first.

        Empty when its first setting has none, whatever the others have: so Kafka tells it.
        """
        found = (
            Synonym(name, values[name], source)
            for values, source in self._levels
            for name in chain
            if name in values
        )
        return tuple(dropwhile(lambda synonym: synonym.name != chain[0], found))


def describe_topic(
    image: ClusterImage, config: BrokerConfig, overrides: Mapping[str, str]
) -> list[ReportedConfig]:
    """Every setting of a topic whose own values are `overrides`."""
    reports = []
    finder = Synonyms(image, config)
    hidden = {name: one for name, one in HIDDEN_CONFIGS.items() if name in overrides}
    for name, definition in (hidden | dict(TOPIC_CONFIGS)).items():
        chain = definition.broker_chain
        synonyms = finder.of(chain) if chain else ()
        if name in overrides:
            own = Synonym(name, overrides[name], ConfigSource.DYNAMIC_TOPIC)
            synonyms = (own, *synonyms)
        reports.append(ReportedConfig(definition, name, False, synonyms))
    return reports


def describe_broker(
    image: ClusterImage, config: BrokerConfig, place: Mapping[str, str]
) -> list[ReportedConfig]:
    """Every setting of this broker, of the hidden ones those that it was given.

    `place`: see Synonyms.
    """
    finder = Synonyms(image, config, place)
    all_reports = (
        ReportedConfig(definition, name, not is_dynamic(name), finder.of(chain_of(name)))
        for name, definition in BROKER_CONFIGS.items()
    )
    reports = [
        report
        for report in all_reports
        if report.name not in HIDDEN or report.source is not ConfigSource.DEFAULT
    ]
    others = {**finder.of_listeners, **finder.shared, **finder.own}
    return reports + [
        ReportedConfig(_definition(name), name, True, finder.of(_chain(name)))
        for name in others
        if name not in BROKER_CONFIGS
    ]


def describe_broker_defaults(image: ClusterImage) -> list[ReportedConfig]:
    """The settings given to all brokers at once (the resource with the empty name)."""
    return [
        ReportedConfig(
            _definition(name),
            name,
            name not in BROKER_CONFIGS,
            (Synonym(name, value, ConfigSource.DYNAMIC_DEFAULT_BROKER),),
        )
        for name, value in image.config_of(ResourceType.BROKER, "").items()
    ]


def describe_group(config: BrokerConfig, overrides: Mapping[str, str]) -> list[ReportedConfig]:
    """Every setting of a group whose own values are `overrides`; these stand alone, as in Kafka."""
    reports = []
    for name, setting in GROUP_CONFIGS.items():
        synonym = Synonym(name, default_value(config, name), ConfigSource.DEFAULT)
        if name in overrides:
            synonym = Synonym(name, overrides[name], ConfigSource.DYNAMIC_GROUP)
        reports.append(ReportedConfig(setting.definition, name, False, (synonym,)))
    return reports


def describe_client_metrics(overrides: Mapping[str, str]) -> list[ReportedConfig]:
    """Every setting of a subscription to client metrics."""
    reports = []
    for name, definition in CLIENT_METRICS_CONFIGS.items():
        own = (
            (Synonym(name, overrides[name], ConfigSource.DYNAMIC_CLIENT_METRICS),)
            if name in overrides
            else ()
        )
        reports.append(ReportedConfig(definition, name, False, own))
    return reports


def _chain(name: str) -> tuple[str, ...]:
    """What a setting of a single listener stands before."""
    about = setting_of_listener(name)
    return (name, about[1]) if about else (name,)


def _definition(name: str) -> ConfigDefinition:
    """A dynamic setting; one that nobody knows might be secret, so it is treated as if it were."""
    about = setting_of_listener(name)
    known = BROKER_CONFIGS.get(about[1]) if about else definition_of(name)
    return known or ConfigDefinition(name, ConfigType.UNKNOWN, None, "")
