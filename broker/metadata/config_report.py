"""Settings as DescribeConfigs tells them: value, where it comes from, and what it stands before."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from broker.config import BrokerConfig
from broker.metadata.config_table import (
    DYNAMIC_BROKER_CONFIGS,
    TOPIC_CONFIGS,
    ConfigDefinition,
    broker_config_definitions,
    config_text,
)
from broker.metadata.group_configs import GROUP_CONFIGS, default_value
from broker.metadata.image import ClusterImage, ResourceType


class ConfigSource(IntEnum):
    """Kafka's numbers of where a value comes from; smaller wins."""

    DYNAMIC_TOPIC = 1
    DYNAMIC_BROKER = 2
    DYNAMIC_DEFAULT_BROKER = 3
    STATIC_BROKER = 4
    DEFAULT = 5
    DYNAMIC_GROUP = 8


@dataclass(frozen=True, slots=True)
class Synonym:
    """A value that counts, or would count if those before it were taken away."""

    name: str
    value: str
    source: ConfigSource


@dataclass(frozen=True, slots=True)
class ReportedConfig:
    """One setting of a resource."""

    definition: ConfigDefinition
    name: str
    read_only: bool
    synonyms: tuple[Synonym, ...]

    @property
    def value(self) -> str:
        return self.synonyms[0].value

    @property
    def source(self) -> ConfigSource:
        return self.synonyms[0].source


def describe_topic(
    image: ClusterImage, config: BrokerConfig, overrides: Mapping[str, str]
) -> list[ReportedConfig]:
    """Every setting of a topic whose own values are `overrides`."""
    reports = []
    for name, definition in TOPIC_CONFIGS.items():
        synonyms = _broker_synonyms(image, config, definition) if definition.broker_field else []
        if not synonyms:
            synonyms = [Synonym(name, definition.default, ConfigSource.DEFAULT)]
        if name in overrides:
            synonyms.insert(0, Synonym(name, overrides[name], ConfigSource.DYNAMIC_TOPIC))
        reports.append(ReportedConfig(definition, name, False, tuple(synonyms)))
    return reports


def describe_broker(image: ClusterImage, config: BrokerConfig) -> list[ReportedConfig]:
    """Every setting of this broker."""
    return [
        ReportedConfig(
            definition,
            definition.name,
            definition.name not in DYNAMIC_BROKER_CONFIGS,
            tuple(_broker_synonyms(image, config, definition)),
        )
        for definition in broker_config_definitions()
    ]


def describe_broker_defaults(image: ClusterImage) -> list[ReportedConfig]:
    """The settings given to all brokers at once (the resource with the empty name)."""
    return [
        ReportedConfig(
            DYNAMIC_BROKER_CONFIGS[name],
            name,
            False,
            (Synonym(name, value, ConfigSource.DYNAMIC_DEFAULT_BROKER),),
        )
        for name, value in image.config_of(ResourceType.BROKER, "").items()
        if name in DYNAMIC_BROKER_CONFIGS
    ]


def describe_group(config: BrokerConfig, overrides: Mapping[str, str]) -> list[ReportedConfig]:
    """Every setting of a group whose own values are `overrides`."""
    reports = []
    for name, setting in GROUP_CONFIGS.items():
        synonyms = [Synonym(name, default_value(config, name), ConfigSource.DEFAULT)]
        if name in overrides:
            synonyms.insert(0, Synonym(name, overrides[name], ConfigSource.DYNAMIC_GROUP))
        reports.append(ReportedConfig(setting.definition, name, False, tuple(synonyms)))
    return reports


def _broker_synonyms(
    image: ClusterImage, config: BrokerConfig, definition: ConfigDefinition
) -> list[Synonym]:
    name = definition.broker_name
    synonyms = []
    for resource, source in (
        (str(config.node_id), ConfigSource.DYNAMIC_BROKER),
        ("", ConfigSource.DYNAMIC_DEFAULT_BROKER),
    ):
        changed = image.config_of(ResourceType.BROKER, resource).get(name)
        if changed is not None:
            synonyms.append(Synonym(name, changed, source))
    field = next(one for one in dataclasses.fields(config) if one.name == definition.broker_field)
    value, default = config_text(getattr(config, field.name)), config_text(field.default)
    if value != default:
        synonyms.append(Synonym(name, value, ConfigSource.STATIC_BROKER))
    synonyms.append(Synonym(name, default, ConfigSource.DEFAULT))
    return synonyms
