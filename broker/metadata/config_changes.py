"""What may happen to settings: pure decisions from an image to metadata records.

The refusals carry Kafka's codes and words: a value of a topic or group is INVALID_CONFIG, one of a
broker INVALID_REQUEST.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from broker.config import BrokerConfig
from broker.errors import ErrorCode, KafkaError
from broker.metadata.broker_configs import (
    DYNAMIC_BROKER_CONFIGS,
    check_broker_configs,
    check_doors_stay_open,
)
from broker.metadata.client_metrics_configs import check_client_metrics_config
from broker.metadata.config_definition import ConfigDefinition, ConfigType, split_list
from broker.metadata.config_table import (
    TOPIC_CONFIGS,
    check_together,
    check_topic_configs,
    topic_config,
)
from broker.metadata.controller import check_topic_name, dynamic_broker_config
from broker.metadata.features import ELIGIBLE_LEADER_REPLICAS
from broker.metadata.group_bounds import check_group_configs
from broker.metadata.image import ClusterImage, ConfigResource, ResourceType
from broker.metadata.listener_configs import setting_of_listener
from broker.metadata.records import ConfigRecord, MetadataRecord

MIN_INSYNC_REPLICAS = "min.insync.replicas"


class AlterOperation(IntEnum):
    """What IncrementalAlterConfigs can do to a setting."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """One step of a change of settings."""

    name: str
    operation: int
    value: str | None


def alter_configs(
    image: ClusterImage,
    resource: ConfigResource,
    changes: Sequence[ConfigChange],
    config: BrokerConfig,
) -> list[MetadataRecord]:
    """Records of single changes to the settings of a resource (KIP-339)."""
    check_steps(changes)
    for change in changes:
        if change.operation not in list(AlterOperation):
            raise KafkaError(
                ErrorCode.INVALID_REQUEST, f"Unknown operations type {change.operation}"
            )
    check_kind(resource, config)
    before = image.configs.get(resource, {})
    after = {
        change.name: _changed_value(resource, change, before.get(change.name)) for change in changes
    }
    return _records(image, resource, after, config)


def check_steps(changes: Sequence[ConfigChange]) -> None:
    """Raise INVALID_REQUEST for settings that are changed twice, or to nothing."""
    _check_names([change.name for change in changes])
    _check_not_null(
        [
            change.name
            for change in changes
            if change.value is None and change.operation != AlterOperation.DELETE
        ]
    )


def replace_configs(
    image: ClusterImage,
    resource: ConfigResource,
    values: Sequence[tuple[str, str | None]],
    config: BrokerConfig,
) -> list[MetadataRecord]:
    """Records that make `values` the only settings of a resource (AlterConfigs)."""
    _check_names([name for name, _ in values])
    _check_not_null([name for name, value in values if value is None])
    check_kind(resource, config)
    gone: dict[str, str | None] = dict.fromkeys(image.configs.get(resource, {}))
    return _records(image, resource, gone | dict(values), config)


def bootstrap_configs(config: BrokerConfig) -> list[MetadataRecord]:
    """Settings of a new cluster: with eligible leader replicas one of all brokers (KIP-966)."""
    value = str(config.min_insync_replicas)
    return [_record((ResourceType.BROKER, ""), MIN_INSYNC_REPLICAS, value)]


def of_listeners(records: Iterable[MetadataRecord]) -> dict[str, str | None]:
    """The settings of single listeners among changes, with their new values; None: taken away."""
    return {
        record.name: record.value
        for record in records
        if isinstance(record, ConfigRecord) and setting_of_listener(record.name)
    }


def _records(
    image: ClusterImage,
    resource: ConfigResource,
    after: Mapping[str, str | None],
    config: BrokerConfig,
) -> list[MetadataRecord]:
    """Records of those of `after` that differ from now; None takes a setting away."""
    _check_name(resource)
    before = image.configs.get(resource, {})
    kind = resource[0]
    if kind == ResourceType.TOPIC:
        _check_topic(image, {**before, **after}, after, config)
    elif kind == ResourceType.GROUP:
        check_group_configs(config, _given({**before, **after}))
    elif kind == ResourceType.CLIENT_METRICS:
        for name, value in after.items():
            if value is not None:
                check_client_metrics_config(name, value)
    else:
        dynamic = dynamic_broker_config(image, config)
        changed = _given(after)
        check_broker_configs(config, dynamic, changed, of_all=not resource[1])
        kept = _kept(image, resource, after, config)
        check_doors_stay_open(config, {**kept, **changed})
        _check_min_insync(image, resource, after)
    _check_exists(image, resource)
    return [
        _record(resource, name, value) for name, value in after.items() if before.get(name) != value
    ]


def _kept(
    image: ClusterImage,
    resource: ConfigResource,
    after: Mapping[str, str | None],
    config: BrokerConfig,
) -> dict[str, str]:
    """Broker settings changed while it ran, without those that `after` takes away."""
    kept: dict[str, str] = {}
    for level in ((ResourceType.BROKER, ""), (ResourceType.BROKER, str(config.node_id))):
        gone = {name for name, value in after.items() if value is None and level == resource}
        own = image.configs.get(level, {})
        kept |= {name: value for name, value in own.items() if name not in gone}
    return kept


def _given(values: Mapping[str, str | None]) -> dict[str, str]:
    """Without what is taken away: that is allowed whatever it was."""
    return {name: value for name, value in values.items() if value is not None}


def _check_topic(
    image: ClusterImage,
    values: Mapping[str, str | None],
    after: Mapping[str, str | None],
    config: BrokerConfig,
) -> None:
    check_topic_configs(_given(after))
    own = {name: value for name, value in values.items() if value is not None}
    check_together(topic_config(config, dynamic_broker_config(image, config), own))


def _check_min_insync(
    image: ClusterImage, resource: ConfigResource, after: Mapping[str, str | None]
) -> None:
    """With eligible leader replicas the whole cluster has one value, and always has one."""
    if MIN_INSYNC_REPLICAS not in after or not image.features.get(ELIGIBLE_LEADER_REPLICAS):
        return
    if resource[1]:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            "Broker-level min.insync.replicas cannot be altered while ELR is enabled.",
        )
    if after[MIN_INSYNC_REPLICAS] is None:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.",
        )


def _check_names(names: Iterable[str]) -> None:
    wanted = list(names)
    if len(set(wanted)) < len(wanted):
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Error due to duplicate config keys")


def _check_not_null(names_of_null: Sequence[str]) -> None:
    if names_of_null:
        names = ", ".join(names_of_null)
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Null value not supported for : {names}")


def check_kind(resource: ConfigResource, config: BrokerConfig) -> None:
    """Raise for a type without settings to change, and for another broker."""
    kind, name = resource
    if kind == ResourceType.BROKER:
        _check_broker(name, config)
    elif kind not in _NAMELESS:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Unknown resource type {kind}")


_NAMELESS = {
    ResourceType.TOPIC: "Default topic resources are not allowed.",
    ResourceType.GROUP: "Default group resources are not allowed.",
    ResourceType.CLIENT_METRICS: "Subscription name can't be empty",
}
"""What is said of each of these without a name."""


def _check_name(resource: ConfigResource) -> None:
    kind, name = resource
    if kind == ResourceType.BROKER:
        return
    if not name:
        raise KafkaError(ErrorCode.INVALID_REQUEST, _NAMELESS[ResourceType(kind)])
    if kind == ResourceType.TOPIC:
        check_topic_name(name)


def _check_exists(image: ClusterImage, resource: ConfigResource) -> None:
    """Last of all, as in Kafka: a value that no topic can have is told first."""
    kind, name = resource
    if kind == ResourceType.TOPIC and name not in image.topics:
        raise KafkaError(
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"The topic '{name}' does not exist."
        )


def _check_broker(name: str, config: BrokerConfig) -> None:
    if not name:
        return
    try:
        node_id = int(name)
    except ValueError as error:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"Node id must be an integer, but it is: {name}"
        ) from error
    if node_id != config.node_id:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"Unexpected broker id, expected {config.node_id}, but received {name}",
        )


def _changed_value(
    resource: ConfigResource, change: ConfigChange, current: str | None
) -> str | None:
    """The value after one change; None: the setting has no value of its own any more."""
    if change.operation == AlterOperation.DELETE:
        return None
    assert change.value is not None
    if change.operation == AlterOperation.SET:
        return change.value
    of_broker = resource[0] == ResourceType.BROKER
    lists = TOPIC_CONFIGS if resource[0] == ResourceType.TOPIC else DYNAMIC_BROKER_CONFIGS
    definition = lists.get(change.name)
    if definition is None or definition.type is not ConfigType.LIST:
        raise _not_a_list(change, of_broker)
    return _changed_list(definition, change, current)


def _changed_list(definition: ConfigDefinition, change: ConfigChange, current: str | None) -> str:
    assert change.value is not None
    items = split_list((definition.default or "") if current is None else current)
    wanted = split_list(change.value)
    if change.operation == AlterOperation.APPEND:
        items += [item for item in wanted if item not in items]
    else:
        items = [item for item in items if item not in wanted]
    return ",".join(items)


def _not_a_list(change: ConfigChange, of_broker: bool) -> KafkaError:
    word = AlterOperation(change.operation).name
    if of_broker:
        message = f"Config value {word.lower()} is not allowed for config key: {change.name}"
    else:
        message = f"Can't {word} to key {change.name} because its type is not LIST."
    return KafkaError(ErrorCode.INVALID_CONFIG, message)


def _record(resource: ConfigResource, name: str, value: str | None) -> ConfigRecord:
    return ConfigRecord(
        resource_type=resource[0], resource_name=resource[1], name=name, value=value
    )
